/**
 * Expressions: Itanium C++ ABI 5.1.6, and constraints (C++20).
 */

import { fail } from "../limits.ts";
import { LITERAL_CASTS, LITERAL_SUFFIXES } from "./builtin-types.ts";
import { FLOAT_DIGITS, floatLiteral } from "./float-literal.ts";
import { group, list, type Node, operand, parenthesized, phrase } from "./node.ts";
import { type Operator, operatorOf, PRECEDENCE } from "./operators.ts";
import { TemplateGrammar } from "./template-grammar.ts";

export abstract class ExpressionGrammar extends TemplateGrammar {
  /** <expression> */
  expression(): Node {
    this.enter();
    return this.leave(this.anyExpression());
  }

  private anyExpression(): Node {
    const isGlobal = this.eat("gs");
    const code = this.input.substr(this.at, 2);
    const operator = operatorOf(code);
    if (operator !== undefined) {
      this.at += 2;
      return this.operation(operator, isGlobal);
    }
    switch (code[0]) {
      case "L":
        this.at++;
        return this.primary();
      case "T":
        return this.templateParameter();
      case "f":
        return code === "fp" || (code === "fL" && this.nextIsDigit(2)) ? this.functionParameter() : this.fold();
      case "u":
        this.at++;
        return this.vendorExpression();
    }
    this.at += 2;
    switch (code) {
      case "il":
        return this.initializerList("");
      case "tl":
        return this.initializerList(this.type());
      case "mc":
        return this.memberPointerConversion();
      case "nx":
        return phrase(["noexcept ", group("(", this.expression())], PRECEDENCE.unary);
      case "rq":
        return this.requirements([]);
      case "rQ":
        return this.requirements(this.requirementParameters());
      case "so":
        return this.subobject();
      case "sp":
        return { kind: "expansion", pattern: this.expression() };
      case "sP":
        return phrase(["sizeof... ", parenthesized(this.untilEnd(this.templateArgument))]);
      case "sZ":
        if (this.peek() !== "T") return phrase(["sizeof... ", group("(", this.functionParameter())]);
        return phrase(["sizeof...", group("(", { kind: "expansion", pattern: this.templateParameter() })]);
      case "tr":
        return "throw";
      case "tw":
        return phrase(["throw ", this.expression()]);
      default:
        this.at -= 2;
        return this.unresolvedName(isGlobal);
    }
  }

  private operation(operator: Operator, isGlobal: boolean): Node {
    const { symbol, precedence } = operator;
    const scope = isGlobal ? "::" : "";
    switch (operator.form) {
      case "prefix":
        return phrase([symbol, operand(this.expression(), precedence)], precedence);
      case "postfix":
        // With `_` behind the code it is the prefix operator.
        if (this.eat("_")) return phrase([symbol, operand(this.expression(), precedence)], precedence);
        return phrase([operand(this.expression(), precedence + 1), symbol], precedence);
      case "binary":
        return binary(this.expression(), operator, this.expression());
      case "subscript":
        return phrase([operand(this.expression(), precedence), group("[", this.expression())], precedence);
      case "member": {
        const object = operand(this.expression(), precedence + 1);
        return phrase([object, symbol, operand(this.expression(), precedence)], precedence);
      }
      case "call":
        return phrase([this.expression(), parenthesized(this.untilEnd(this.expression))], precedence);
      case "conditional": {
        const condition = operand(this.expression(), precedence);
        const chosen = this.expression();
        const otherwise = operand(this.expression(), PRECEDENCE.assignment + 1);
        return phrase([condition, " ? ", chosen, " : ", otherwise], precedence);
      }
      case "cast": {
        const target = this.conversionTarget();
        const values = this.eat("_") ? this.untilEnd(this.expression) : [this.expression()];
        return phrase([group("(", target), parenthesized(values)], precedence);
      }
      case "namedCast":
        return phrase([symbol, group("<", this.type()), group("(", this.expression())], precedence);
      case "ofType":
        return phrase([symbol, group("(", this.type())], precedence);
      case "ofExpression":
        return phrase([symbol, group("(", this.expression())], precedence);
      case "new":
        return phrase([scope, symbol, ...this.newOperands()], precedence);
      case "delete":
        return phrase([scope, symbol, " ", this.expression()], precedence);
      default:
        return fail();
    }
  }

  /** <expression>* _ <type> (E | pi <expression>* E) */
  private newOperands(): Node[] {
    const placement: Node[] = [];
    while (!this.eat("_")) placement.push(this.expression());
    const type = this.type();
    const hasInitializer = this.eat("pi");
    const values = this.untilEnd(hasInitializer ? this.expression : fail);
    const parts: Node[] = [" ", type];
    if (placement.length > 0) parts.unshift(parenthesized(placement));
    if (values.length > 0) parts.push(parenthesized(values));
    return parts;
  }

  // --- Literals ---

  /** <expr-primary> ::= L <type> [<value>] E | L _Z <encoding> E , from behind the `L` on. */
  private primary(): Node {
    const letter = this.peek() ?? "";
    if (letter === "b") {
      if (this.eat("b0E")) return "false";
      return this.eat("b1E") ? "true" : fail();
    }
    if (letter in FLOAT_DIGITS) return this.floatLiteral(letter);
    if (letter in LITERAL_SUFFIXES || letter in LITERAL_CASTS) return this.integerLiteral(letter);
    switch (letter) {
      case "_": {
        this.expect("_Z");
        const encoding = this.encoding();
        this.expect("E");
        return encoding;
      }
      case "A": {
        const type = this.type();
        this.expect("E");
        return phrase(['"<', type, '>"']);
      }
      case "D":
        this.expect("Dn");
        this.eat("0");
        this.expect("E");
        return "nullptr";
      case "T":
        return fail();
      case "U": {
        this.expect("Ul");
        const { declarator } = this.closure();
        this.expect("E");
        return phrase(["[]", declarator, "{...}"]);
      }
      default: {
        const type = this.type();
        return phrase([group("(", type), this.integer()]);
      }
    }
  }

  private integerLiteral(letter: string): Node {
    this.at++;
    const value = this.integer();
    const cast = LITERAL_CASTS[letter];
    return cast === undefined ? value + LITERAL_SUFFIXES[letter] : `(${cast})${value}`;
  }

  private integer(): string {
    const value = this.signedNumber();
    if (value === "") fail();
    this.expect("E");
    return value;
  }

  private floatLiteral(letter: string): Node {
    this.at++;
    const start = this.at;
    const end = start + FLOAT_DIGITS[letter];
    while (this.at < end && "0123456789abcdef".includes(this.peek() ?? " ")) this.at++;
    if (this.at !== end) fail();
    const literal = floatLiteral(letter, this.input.slice(start, end));
    this.expect("E");
    return literal;
  }

  // --- Parameters, packs, lists ---

  /** <function-param> ::= fpT | fp <CV-qualifiers> [<number>] _ | fL <number> p <CV-qualifiers> [<number>] _ */
  private functionParameter(): Node {
    if (this.eat("fpT")) return "this";
    if (this.eat("fL")) {
      this.digits();
      this.expect("p");
    } else {
      this.expect("fp");
    }
    this.cvQualifiers();
    const number = this.digits();
    this.expect("_");
    return `fp${number}`;
  }

  /** f (l | r) <operator> <pack> | f (L | R) <operator> <expression> <expression> */
  private fold(): Node {
    const kind = this.input[this.at + 1];
    const operator = operatorOf(this.input.substr(this.at + 2, 2));
    if (operator === undefined || kind === undefined || !"lrLR".includes(kind)) fail();
    const isFoldable = operator.form === "binary" || operator.precedence === PRECEDENCE.memberPointer;
    if (!isFoldable) fail();
    this.at += 4;
    const first = this.expression();
    const second = kind === "L" || kind === "R" ? this.expression() : null;
    const isLeft = kind === "l" || kind === "L";
    const pack = isLeft && second !== null ? second : first;
    const initial = isLeft && second !== null ? first : second;
    const all = group("(", { kind: "expansion", pattern: pack });
    const infix = ` ${operator.symbol} `;
    const seed = initial === null ? null : operand(initial, PRECEDENCE.cast + 1);
    const parts: Node[] = isLeft ? ["...", infix, all] : [all, infix, "..."];
    if (seed !== null && isLeft) parts.unshift(seed, infix);
    if (seed !== null && !isLeft) parts.push(infix, seed);
    return group("(", phrase(parts));
  }

  /** <braced-expression>* E , behind its type if it has one. */
  private initializerList(type: Node): Node {
    return phrase([type, "{", list(this.untilEnd(this.bracedExpression)), "}"]);
  }

  /** <braced-expression> ::= <expression> | di <source-name> … | dx <index> … | dX <first> <last> … */
  private bracedExpression(): Node {
    this.enter();
    if (this.eat("di")) return this.leave(phrase([".", this.sourceName(), ...this.designated()]));
    if (this.eat("dx")) return this.leave(phrase(["[", this.expression(), "]", ...this.designated()]));
    if (this.eat("dX")) {
      const first = this.expression();
      return this.leave(phrase(["[", first, " ... ", this.expression(), "]", ...this.designated()]));
    }
    return this.leave(this.expression());
  }

  /** The value behind a designator, or the next designator: `.a.b[2] = value`. */
  private designated(): Node[] {
    const isDesignator = this.peek() === "d" && "ixX".includes(this.peek(1) ?? " ");
    const value = this.bracedExpression();
    return isDesignator ? [value] : [" = ", value];
  }

  /** mc <type> <expression> [<offset>] E */
  private memberPointerConversion(): Node {
    const type = this.type();
    const value = this.expression();
    this.signedNumber();
    this.expect("E");
    return phrase([group("(", type), group("(", value)], PRECEDENCE.unary);
  }

  /** so <type> <expression> [<offset>] (_ [<number>])* [p] E */
  private subobject(): Node {
    const type = this.type();
    const whole = this.expression();
    const offset = this.signedNumber();
    while (this.eat("_")) this.digits();
    this.eat("p");
    this.expect("E");
    return phrase([whole, ".<", type, " at offset ", offset === "" ? "0" : offset, ">"]);
  }

  /** u <source-name> <template-arg>* E ; and clang's old form of __uuidof. */
  private vendorExpression(): Node {
    const callee = this.sourceName();
    let operands: Node[];
    if (callee === "__uuidof" && this.eat("t")) operands = [this.type()];
    else if (callee === "__uuidof" && this.eat("z")) operands = [this.expression()];
    else operands = this.untilEnd(this.templateArgument);
    return phrase([callee, parenthesized(operands)], PRECEDENCE.postfix);
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
    const head: Node[] = parameters.length === 0 ? ["requires "] : ["requires ", parenthesized(parameters), " "];
    return phrase([...head, group("{", phrase([...requirements, " "]))]);
  }

  /** <requirement> ::= X <expression> [N] [R <name>] | T <type> | Q <expression> */
  private requirement(): Node {
    if (this.eat("T")) return phrase([" typename ", this.type(), ";"]);
    if (this.eat("Q")) return phrase([" requires ", this.expression(), ";"]);
    this.expect("X");
    const expression = this.expression();
    const noexcept = this.eat("N") ? " noexcept" : "";
    const constraint = this.eat("R") ? phrase([" -> ", this.name(null)]) : "";
    if (noexcept === "" && constraint === "") return phrase([" ", expression, ";"]);
    return phrase([" ", group("{", expression), noexcept, constraint, ";"]);
  }

  // --- Names that depend on template arguments ---

  /**
   * <unresolved-name> ::= [gs] <base-unresolved-name>
   *                   ::= sr <unresolved-type> <base-unresolved-name>
   *                   ::= srN <unresolved-type> <simple-id>* E <base-unresolved-name>
   *                   ::= [gs] sr <simple-id>+ E <base-unresolved-name>
   */
  private unresolvedName(isGlobal: boolean): Node {
    const global = isGlobal ? "::" : "";
    if (!this.eat("sr")) return phrase([global, this.baseUnresolvedName()]);
    const parts: Node[] = [];
    if (this.nextIsDigit()) {
      parts.push(global);
      do parts.push(this.simpleId(), "::");
      while (!this.eat("E"));
    } else {
      const hasLevels = this.eat("N");
      const type = this.unresolvedType();
      parts.push(this.peek() === "I" ? this.specialization(type, null) : type, "::");
      while (hasLevels && !this.eat("E")) parts.push(this.simpleId(), "::");
    }
    return phrase([...parts, this.baseUnresolvedName()]);
  }

  /** <simple-id> ::= <source-name> [<template-args>] */
  private simpleId(): Node {
    const identifier = this.sourceName();
    return this.peek() === "I" ? this.specialization(identifier, null) : identifier;
  }

  /** <unresolved-type> ::= <template-param> | <decltype> | <substitution> */
  private unresolvedType(): Node {
    const next = this.peek();
    if (next !== "T" && next !== "D") return this.substitution();
    if (next === "D" && this.peek(1) !== "t" && this.peek(1) !== "T") fail();
    const type = next === "T" ? this.templateParameter() : this.decltype();
    this.substitutions.push(type);
    return type;
  }

  /** <base-unresolved-name> ::= <simple-id> | [on] <operator-name> [<template-args>] | dn (<unresolved-type> | <simple-id>) */
  private baseUnresolvedName(): Node {
    if (this.nextIsDigit()) return this.simpleId();
    if (this.eat("dn")) return phrase(["~", this.nextIsDigit() ? this.simpleId() : this.unresolvedType()]);
    this.eat("on");
    const operator = this.operatorName(null);
    return this.peek() === "I" ? this.specialization(operator, null) : operator;
  }
}

/** `left op right`; assignment groups from the right, all others from the left. */
function binary(left: Node, operator: Operator, right: Node): Node {
  const { symbol, precedence } = operator;
  const isAssignment = precedence === PRECEDENCE.assignment;
  const parts = [
    operand(left, isAssignment ? PRECEDENCE.logicalOr : precedence + 1),
    symbol === "," ? ", " : ` ${symbol} `,
    operand(right, isAssignment ? precedence + 1 : precedence),
  ];
  const inner = phrase(parts, precedence);
  return symbol === ">" || symbol === ">>" ? { kind: "greater", inner, precedence } : inner;
}
