/**
 * The operators of C++ as the Itanium C++ ABI encodes them (5.1.3 "Operator Encodings", 5.1.6 "Expressions").
 *
 * One table serves names (`operator+`) and expressions (`a + b`). It is filled when the module starts.
 */

import { DOT, isSmallLetter, LETTER_A, SMALL_A, SMALL_Z } from "../letters.ts";
import * as form from "./operator-forms.ts";
import * as precedence from "./precedence.ts";

/** A row of the table. */
@unmanaged
export class Operator {
  symbol: string;
  form: u8;
  precedence: u8;

  /** Whether a function can overload it. */
  get isNameable(): bool {
    if (this.form === form.MEMBER) return this.symbol.charCodeAt(0) !== DOT;
    return this.form !== form.NAMED_CAST && this.form !== form.OF_TYPE && this.form !== form.OF_EXPRESSION;
  }

  /** Whether it has a `>` that would end template arguments: `>` and `>>`. */
  get isClosing(): bool {
    return this.symbol === ">" || this.symbol === ">>";
  }

  /** Whether it is a word, such as `new`. */
  get isWord(): bool {
    return isSmallLetter(<u8>this.symbol.charCodeAt(0));
  }
}

/** There is a row for every code: a small letter, and one of either case. */
const FIRST_LETTERS: u32 = SMALL_Z - SMALL_A + 1;
const SECOND_LETTERS: u32 = SMALL_Z - LETTER_A + 1;
const ROW_SIZE: u32 = 8;
const TABLE: u32 = <u32>memory.data(FIRST_LETTERS * SECOND_LETTERS * ROW_SIZE);

/** The operator whose two letters stand in memory; null for none. */
export function operatorAt(code: u32): Operator | null {
  const first: u32 = load<u8>(code) - SMALL_A;
  const second: u32 = load<u8>(code + 1) - LETTER_A;
  if (first >= FIRST_LETTERS || second >= SECOND_LETTERS) return null;
  const operator = rowOf(first, second);
  return operator.form === form.NONE ? null : operator;
}

function rowOf(first: u32, second: u32): Operator {
  return changetype<Operator>(TABLE + (first * SECOND_LETTERS + second) * ROW_SIZE);
}

/** @param encodings codes, each with its symbol behind it. */
function define(form: u8, precedence: u8, encodings: StaticArray<string>): void {
  for (let i = 0; i < encodings.length; i += 2) {
    const code = encodings[i];
    const operator = rowOf(code.charCodeAt(0) - SMALL_A, code.charCodeAt(1) - LETTER_A);
    operator.symbol = encodings[i + 1];
    operator.form = form;
    operator.precedence = precedence;
  }
}

define(form.CALL, precedence.POSTFIX, ["cl", "()"]);
define(form.SUBSCRIPT, precedence.POSTFIX, ["ix", "[]"]);
define(form.MEMBER, precedence.POSTFIX, ["dt", ".", "pt", "->"]);
define(form.POSTFIX, precedence.POSTFIX, ["mm", "--", "pp", "++"]);
define(form.NAMED_CAST, precedence.POSTFIX, ["cc", "const_cast", "dc", "dynamic_cast"]);
define(form.NAMED_CAST, precedence.POSTFIX, ["rc", "reinterpret_cast", "sc", "static_cast"]);
define(form.OF_TYPE, precedence.POSTFIX, ["ti", "typeid "]);
define(form.OF_EXPRESSION, precedence.POSTFIX, ["te", "typeid "]);
define(form.OF_TYPE, precedence.UNARY, ["at", "alignof ", "st", "sizeof "]);
define(form.OF_EXPRESSION, precedence.UNARY, ["az", "alignof ", "sz", "sizeof "]);
define(form.PREFIX, precedence.UNARY, ["ad", "&", "co", "~", "de", "*", "ng", "-", "nt", "!", "ps", "+"]);
define(form.NEW, precedence.UNARY, ["nw", "new", "na", "new[]"]);
define(form.DELETE, precedence.UNARY, ["dl", "delete", "da", "delete[]"]);
define(form.NAME_ONLY, precedence.PRIMARY, ["aw", "co_await"]);
define(form.CAST, precedence.CAST, ["cv", ""]);
define(form.MEMBER, precedence.MEMBER_POINTER, ["ds", ".*", "pm", "->*"]);
define(form.BINARY, precedence.MULTIPLICATIVE, ["dv", "/", "ml", "*", "rm", "%"]);
define(form.BINARY, precedence.ADDITIVE, ["mi", "-", "pl", "+"]);
define(form.BINARY, precedence.SHIFT, ["ls", "<<", "rs", ">>"]);
define(form.BINARY, precedence.SPACESHIP, ["ss", "<=>"]);
define(form.BINARY, precedence.RELATIONAL, ["ge", ">=", "gt", ">", "le", "<=", "lt", "<"]);
define(form.BINARY, precedence.EQUALITY, ["eq", "==", "ne", "!="]);
define(form.BINARY, precedence.AND, ["an", "&"]);
define(form.BINARY, precedence.XOR, ["eo", "^"]);
define(form.BINARY, precedence.OR, ["or", "|"]);
define(form.BINARY, precedence.LOGICAL_AND, ["aa", "&&"]);
define(form.BINARY, precedence.LOGICAL_OR, ["oo", "||"]);
define(form.CONDITIONAL, precedence.CONDITIONAL, ["qu", "?"]);
define(form.BINARY, precedence.ASSIGNMENT, ["aS", "=", "aN", "&=", "dV", "/=", "eO", "^=", "lS", "<<=", "mI", "-="]);
define(form.BINARY, precedence.ASSIGNMENT, ["mL", "*=", "oR", "|=", "pL", "+=", "rM", "%=", "rS", ">>="]);
define(form.BINARY, precedence.COMMA, ["cm", ","]);
