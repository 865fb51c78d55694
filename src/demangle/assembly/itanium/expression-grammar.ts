/**
 * Expressions: Itanium C++ ABI 5.1.6, and constraints (C++20).
 */

import { fail } from "../failure.ts";
import {
  indexIn,
  isHexDigit,
  isOneOf,
  LETTER_A,
  LETTER_D,
  LETTER_L,
  LETTER_R,
  LETTER_T,
  LETTER_U,
  SMALL_B,
  SMALL_D,
  SMALL_L,
  UNDERSCORE,
} from "../letters.ts";
import { builtinType, CAST_LITERALS, LITERAL_SUFFIXES, SUFFIXED_LITERALS } from "./builtin-types.ts";
import { FLOAT_TYPES, floatDigits, floatLiteral } from "./float-literal.ts";
import {
  Expansion,
  Greater,
  inAngles,
  inBraces,
  inBrackets,
  inParentheses,
  list,
  Node,
  operand,
  parenthesized,
  phrase,
  phraseOf,
} from "./node.ts";
import * as form from "./operator-forms.ts";
import { Operator, operatorAt } from "./operators.ts";
import * as precedence from "./precedence.ts";
import { TemplateGrammar } from "./template-grammar.ts";
import { compound, isExcerpt, literal } from "./text.ts";

export abstract class ExpressionGrammar extends TemplateGrammar {
  /** <expression> */
  expression(): Node {
    this.enter();
    return this.leave(this.anyExpression());
  }

  private anyExpression(): Node {
    const isGlobal = this.eat("gs");
    const operator = operatorAt(this.at);
    if (operator !== null) {
      this.at += 2;
      return this.operation(operator, isGlobal);
    }
    if (this.eat("L")) return this.primary();
    if (this.peek() === LETTER_T) return this.templateParameter();
    if (this.isFunctionParameter()) return this.functionParameter();
    if (this.eat("f")) return this.fold();
    if (this.eat("u")) return this.vendorExpression();
    if (this.eat("il")) return this.initializerList(literal(""));
    if (this.eat("tl")) return this.initializerList(this.type());
    if (this.eat("mc")) return this.memberPointerConversion();
    if (this.eat("nx")) return phrase([literal("noexcept "), inParentheses(this.expression())], precedence.UNARY);
    if (this.eat("rq")) return this.requirements([]);
    if (this.eat("rQ")) return this.requirements(this.requirementParameters());
    if (this.eat("so")) return this.subobject();
    if (this.eat("sp")) return new Expansion(this.expression());
    if (this.eat("sP")) return phrase([literal("sizeof... "), parenthesized(this.templateArgumentsToEnd())]);
    if (this.eat("sZ")) return this.packSize();
    if (this.eat("tr")) return literal("throw");
    if (this.eat("tw")) return phrase([literal("throw "), this.expression()]);
    return this.unresolvedName(isGlobal);
  }

  /** All expressions up to the closing `E`. */
  private expressionsToEnd(): Node[] {
    const expressions: Node[] = [];
    while (!this.eat("E")) expressions.push(this.expression());
    return expressions;
  }

  private operation(operator: Operator, isGlobal: bool): Node {
    const symbol = literal(operator.symbol);
    const limit = operator.precedence;
    switch (operator.form) {
      case form.PREFIX:
        return phrase([symbol, operand(this.expression(), limit)], limit);
      case form.POSTFIX:
        // With `_` behind the code it is the prefix operator.
        if (this.eat("_")) return phrase([symbol, operand(this.expression(), limit)], limit);
        return phrase([operand(this.expression(), limit + 1), symbol], limit);
      case form.BINARY:
        return binary(this.expression(), operator, this.expression());
      case form.SUBSCRIPT:
        return phrase([operand(this.expression(), limit), inBrackets(this.expression())], limit);
      case form.MEMBER: {
        const object = operand(this.expression(), limit + 1);
        return phrase([object, symbol, operand(this.expression(), limit)], limit);
      }
      case form.CALL:
        return phrase([this.expression(), parenthesized(this.expressionsToEnd())], limit);
      case form.CONDITIONAL: {
        const condition = operand(this.expression(), limit);
        const chosen = this.expression();
        const otherwise = operand(this.expression(), precedence.ASSIGNMENT + 1);
        return phrase([condition, literal(" ? "), chosen, literal(" : "), otherwise], limit);
      }
      case form.CAST: {
        const target = this.conversionTarget();
        const values = this.eat("_") ? this.expressionsToEnd() : [this.expression()];
        return phrase([inParentheses(target), parenthesized(values)], limit);
      }
      case form.NAMED_CAST:
        return phrase([symbol, inAngles(this.type()), inParentheses(this.expression())], limit);
      case form.OF_TYPE:
        return phrase([symbol, inParentheses(this.type())], limit);
      case form.OF_EXPRESSION:
        return phrase([symbol, inParentheses(this.expression())], limit);
      case form.NEW:
        return this.newExpression(scopeOf(isGlobal), symbol, limit);
      case form.DELETE:
        return phrase([scopeOf(isGlobal), symbol, literal(" "), this.expression()], limit);
      default:
        fail();
        return symbol;
    }
  }

  /** <expression>* _ <type> (E | pi <expression>* E) */
  private newExpression(scope: Node, symbol: Node, limit: u8): Node {
    const placement: Node[] = [];
    while (!this.eat("_")) placement.push(this.expression());
    const type = this.type();
    const values: Node[] = [];
    if (this.eat("pi")) while (!this.eat("E")) values.push(this.expression());
    else this.expect("E");
    const placed = placement.length === 0 ? literal("") : parenthesized(placement);
    const initializer = values.length === 0 ? literal("") : parenthesized(values);
    return phrase([scope, symbol, placed, literal(" "), type, initializer], limit);
  }

  /** sZ (<template-param> | <function-param>) , from behind `sZ` on. */
  private packSize(): Node {
    if (this.peek() !== LETTER_T) return phrase([literal("sizeof... "), inParentheses(this.functionParameter())]);
    return phrase([literal("sizeof..."), inParentheses(new Expansion(this.templateParameter()))]);
  }

  // --- Literals ---

  /** <expr-primary> ::= L <type> [<value>] E | L _Z <encoding> E , from behind the `L` on. */
  private primary(): Node {
    const letter = this.peek();
    if (isOneOf(FLOAT_TYPES, letter)) return this.floatLiteral(letter);
    if (isOneOf(SUFFIXED_LITERALS, letter) || isOneOf(CAST_LITERALS, letter)) return this.integerLiteral(letter);
    switch (letter) {
      case SMALL_B: {
        const isTrue = this.eat("b1E");
        if (!isTrue) this.expect("b0E");
        return literal(isTrue ? "true" : "false");
      }
      case UNDERSCORE: {
        this.expect("_Z");
        const encoding = this.encoding(true);
        this.expect("E");
        return encoding;
      }
      case LETTER_A: {
        const type = this.type();
        this.expect("E");
        return phrase([literal('"<'), type, literal('>"')]);
      }
      case LETTER_D:
        this.expect("Dn");
        this.eat("0");
        this.expect("E");
        return literal("nullptr");
      case LETTER_T:
        fail();
        return literal("");
      case LETTER_U: {
        this.expect("Ul");
        const closure = this.closure();
        this.expect("E");
        return phrase([literal("[]"), closure.declarator, literal("{...}")]);
      }
      default: {
        const type = this.type();
        return phrase([inParentheses(type), this.integer()]);
      }
    }
  }

  private integerLiteral(letter: u8): Node {
    this.at++;
    const value = this.integer();
    const suffix = indexIn(SUFFIXED_LITERALS, letter);
    if (suffix >= 0) return compound([value, literal(unchecked(LITERAL_SUFFIXES[suffix]))]);
    return compound([literal("("), literal(builtinType(letter)), literal(")"), value]);
  }

  private integer(): Node {
    const value = this.signedNumber();
    if (value === null) fail();
    this.expect("E");
    return value!;
  }

  private floatLiteral(letter: u8): Node {
    this.at++;
    const start = this.at;
    const end = start + floatDigits(letter);
    while (this.at < end && isHexDigit(this.peek())) this.at++;
    if (this.at !== end) fail();
    const value = floatLiteral(letter, start);
    this.expect("E");
    return value;
  }

  // --- Parameters, packs, lists ---

  /** fp, or fL and a number: `fL` alone begins a fold. */
  private isFunctionParameter(): bool {
    return this.nextIs("fp") || (this.nextIs("fL") && this.nextIsDigit(2));
  }

  /** <function-param> ::= fpT | fp <CV-qualifiers> [<number>] _ | fL <number> p <CV-qualifiers> [<number>] _ */
  private functionParameter(): Node {
    if (this.eat("fpT")) return literal("this");
    if (this.eat("fL")) {
      this.digits();
      this.expect("p");
    } else {
      this.expect("fp");
    }
    this.cvQualifiers();
    const number = this.digits();
    this.expect("_");
    return compound([literal("fp"), number]);
  }

  /** f (l | r) <operator> <pack> | f (L | R) <operator> <expression> <expression> , from behind the `f` on. */
  private fold(): Node {
    const letter = this.peek();
    const operator = operatorAt(this.at + 1);
    if (operator === null || !isOneOf("lrLR", letter)) fail();
    const isFoldable = operator!.form === form.BINARY || operator!.precedence === precedence.MEMBER_POINTER;
    if (!isFoldable) fail();
    this.at += 3;
    const isLeft = letter === SMALL_L || letter === LETTER_L;
    const isBinary = letter === LETTER_L || letter === LETTER_R;
    const first = this.expression();
    const second = isBinary ? this.expression() : first;
    const pack = isLeft ? second : first;
    const all = inParentheses(new Expansion(pack));
    const infix = compound([literal(" "), literal(operator!.symbol), literal(" ")]);
    const dots = literal("...");
    if (!isBinary) return inParentheses(isLeft ? phrase([dots, infix, all]) : phrase([all, infix, dots]));
    const seed = operand(isLeft ? first : second, precedence.CAST + 1);
    if (isLeft) return inParentheses(phrase([seed, infix, dots, infix, all]));
    return inParentheses(phrase([all, infix, dots, infix, seed]));
  }

  /** <braced-expression>* E , behind its type if it has one. */
  private initializerList(type: Node): Node {
    const values: Node[] = [];
    while (!this.eat("E")) values.push(this.bracedExpression());
    return phrase([type, literal("{"), list(values), literal("}")]);
  }

  /** <braced-expression> ::= <expression> | di <source-name> … | dx <index> … | dX <first> <last> … */
  private bracedExpression(): Node {
    this.enter();
    if (this.eat("di")) {
      return this.leave(phrase([literal("."), this.sourceName(), this.equals(), this.bracedExpression()]));
    }
    if (this.eat("dx")) {
      const index = this.expression();
      return this.leave(phrase([literal("["), index, literal("]"), this.equals(), this.bracedExpression()]));
    }
    if (this.eat("dX")) {
      const range = [literal("["), this.expression(), literal(" ... "), this.expression(), literal("]")];
      range.push(this.equals());
      range.push(this.bracedExpression());
      return this.leave(phraseOf(range));
    }
    return this.leave(this.expression());
  }

  /** What stands between a designator and its value; nothing before the next designator: `.a.b[2] = value`. */
  private equals(): Node {
    const isDesignator = this.peek() === SMALL_D && isOneOf("ixX", this.peek(1));
    return literal(isDesignator ? "" : " = ");
  }

  /** mc <type> <expression> [<offset>] E , from behind `mc` on. */
  private memberPointerConversion(): Node {
    const type = this.type();
    const value = this.expression();
    this.signedNumber();
    this.expect("E");
    return phrase([inParentheses(type), inParentheses(value)], precedence.UNARY);
  }

  /** so <type> <expression> [<offset>] (_ [<number>])* [p] E , from behind `so` on. */
  private subobject(): Node {
    const type = this.type();
    const whole = this.expression();
    const number = this.signedNumber();
    const offset = number === null ? literal("0") : number;
    while (this.eat("_")) this.digits();
    this.eat("p");
    this.expect("E");
    return phrase([whole, literal(".<"), type, literal(" at offset "), offset, literal(">")]);
  }

  /** u <source-name> <template-arg>* E ; and clang's old form of __uuidof. From behind the `u` on. */
  private vendorExpression(): Node {
    const callee = this.sourceName();
    const isUuid = isExcerpt(callee, "__uuidof");
    let operands: Node[];
    if (isUuid && this.eat("t")) operands = [this.type()];
    else if (isUuid && this.eat("z")) operands = [this.expression()];
    else operands = this.templateArgumentsToEnd();
    return phrase([callee, parenthesized(operands)], precedence.POSTFIX);
  }

  // --- Constraints ---

  private requirementParameters(): Node[] {
    const parameters: Node[] = [];
    while (!this.eat("_")) parameters.push(this.type());
    return parameters;
  }

  /** rq <requirement>+ E */
  private requirements(parameters: Node[]): Node {
    const requirements: Node[] = [];
    do requirements.push(this.requirement());
    while (!this.eat("E"));
    requirements.push(literal(" "));
    const body = inBraces(phraseOf(requirements));
    if (parameters.length === 0) return phrase([literal("requires "), body]);
    return phrase([literal("requires "), parenthesized(parameters), literal(" "), body]);
  }

  /** <requirement> ::= X <expression> [N] [R <name>] | T <type> | Q <expression> */
  private requirement(): Node {
    if (this.eat("T")) return phrase([literal(" typename "), this.type(), literal(";")]);
    if (this.eat("Q")) return phrase([literal(" requires "), this.expression(), literal(";")]);
    this.expect("X");
    const expression = this.expression();
    const isNoexcept = this.eat("N");
    const isConstrained = this.eat("R");
    if (!isNoexcept && !isConstrained) return phrase([literal(" "), expression, literal(";")]);
    const noexcept = literal(isNoexcept ? " noexcept" : "");
    const constraint = isConstrained ? phrase([literal(" -> "), this.name(null)]) : literal("");
    return phrase([literal(" "), inBraces(expression), noexcept, constraint, literal(";")]);
  }

  // --- Names that depend on template arguments ---

  /**
   * <unresolved-name> ::= [gs] <base-unresolved-name>
   *                   ::= sr <unresolved-type> <base-unresolved-name>
   *                   ::= srN <unresolved-type> <simple-id>* E <base-unresolved-name>
   *                   ::= [gs] sr <simple-id>+ E <base-unresolved-name>
   */
  private unresolvedName(isGlobal: bool): Node {
    if (!this.eat("sr")) return phrase([scopeOf(isGlobal), this.baseUnresolvedName()]);
    const parts: Node[] = [];
    if (this.nextIsDigit()) {
      parts.push(scopeOf(isGlobal));
      do this.level(parts);
      while (!this.eat("E"));
    } else {
      const hasLevels = this.eat("N");
      parts.push(this.maybeSpecialization(this.unresolvedType()));
      parts.push(literal("::"));
      if (hasLevels) while (!this.eat("E")) this.level(parts);
    }
    parts.push(this.baseUnresolvedName());
    return phraseOf(parts);
  }

  private level(parts: Node[]): void {
    parts.push(this.simpleId());
    parts.push(literal("::"));
  }

  /** <simple-id> ::= <source-name> [<template-args>] */
  private simpleId(): Node {
    return this.maybeSpecialization(this.sourceName());
  }

  /** <unresolved-type> ::= <template-param> | <decltype> | <substitution> */
  private unresolvedType(): Node {
    const next = this.peek();
    if (next !== LETTER_T && next !== LETTER_D) return this.substitution();
    if (next === LETTER_D && !this.isDecltype()) fail();
    const type = next === LETTER_T ? this.templateParameter() : this.decltype();
    this.substitutions.push(type);
    return type;
  }

  /**
   * <base-unresolved-name> ::= <simple-id> | [on] <operator-name> [<template-args>]
   *                        ::= dn (<unresolved-type> | <simple-id>)
   */
  private baseUnresolvedName(): Node {
    if (this.nextIsDigit()) return this.simpleId();
    if (this.eat("dn")) return phrase([literal("~"), this.nextIsDigit() ? this.simpleId() : this.unresolvedType()]);
    this.eat("on");
    return this.maybeSpecialization(this.operatorName(null));
  }
}

function scopeOf(isGlobal: bool): Node {
  return literal(isGlobal ? "::" : "");
}

/** `left op right`; assignment groups from the right, all others from the left. */
function binary(left: Node, operator: Operator, right: Node): Node {
  const limit = operator.precedence;
  const isAssignment = limit === precedence.ASSIGNMENT;
  const symbol = literal(operator.symbol);
  const infix = limit === precedence.COMMA ? literal(", ") : compound([literal(" "), symbol, literal(" ")]);
  const leftOperand = operand(left, isAssignment ? precedence.LOGICAL_OR : limit + 1);
  const rightOperand = operand(right, isAssignment ? limit + 1 : limit);
  const inner = phrase([leftOperand, infix, rightOperand], limit);
  return operator.isClosing ? new Greater(inner, limit) : inner;
}
