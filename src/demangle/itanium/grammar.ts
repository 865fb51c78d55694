/**
 * What all the productions of the grammar share: the reading position, the tables of substitutions and template
 * parameters, and the small terminals. Itanium C++ ABI 5.1.
 *
 * The grammar's chapters call each other in a circle (a type has a name, a name has template arguments, an argument is
 * an expression, an expression has a type). They are layers of one class, so that every file imports only the one
 * below it: Grammar < NameGrammar < TypeGrammar < TemplateGrammar < ExpressionGrammar < EncodingGrammar. What a layer needs from above
 * is declared here as abstract.
 *
 * The parser never goes back: each production is decided by the next one to three characters, so time is linear.
 */

import { fail, MAX_DEPTH } from "../limits.ts";
import type { ForwardReference, Node } from "./node.ts";

/** What the encoding around a name needs to know about it. */
export type NameTraits = {
  /** Constructors, destructors and conversions have no return type in their mangled names. */
  hasNoReturnType: boolean;
  endsWithTemplateArguments: boolean;
  /** Of a member function: ` const volatile`, ` &`. */
  qualifiers: string;
  hasExplicitObject: boolean;
};

export abstract class Grammar {
  protected readonly input: string;
  /** The next character to be read. */
  protected at: number;
  private depth = 0;

  /** Substitution candidates, in order of appearance (5.1.10 "Compression"). */
  protected readonly substitutions: Node[] = [];
  /** Arguments that `T_` refers to: by level (lambdas in lambdas), then by index (5.1.5.8). */
  protected templateParameters: Node[][] = [];
  /** Parameters read before their arguments; the enclosing encoding resolves them. */
  protected forwardReferences: ForwardReference[] = [];
  protected allowsForwardReferences = false;
  /** In a conversion operator's type, template arguments belong to the operator, not to the type. */
  protected allowsTypeArguments = true;
  protected isInConstraint = false;

  constructor(input: string, at: number) {
    this.input = input;
    this.at = at;
  }

  abstract type(): Node;
  abstract expression(): Node;
  abstract encoding(withParameters?: boolean): Node;
  /** <template-args>; `isOfEncoding` makes them what `T_` refers to from now on. */
  protected abstract templateArguments(isOfEncoding: boolean): Node;
  /** A closure type's text, from behind `Ul` on. */
  protected abstract closure(): { declarator: Node; count: string };
  protected abstract decltype(): Node;

  // --- Reading ---

  protected get atEnd(): boolean {
    return this.at >= this.input.length;
  }

  /** The character `ahead` of the position; undefined past the end. */
  protected peek(ahead = 0): string | undefined {
    return this.input[this.at + ahead];
  }

  /** Steps over `text` if it comes next. */
  protected eat(text: string): boolean {
    for (let i = 0; i < text.length; i++) {
      if (this.input.charCodeAt(this.at + i) !== text.charCodeAt(i)) return false;
    }
    this.at += text.length;
    return true;
  }

  protected expect(text: string): void {
    if (!this.eat(text)) fail();
  }

  /** All items up to the closing `E`. */
  protected untilEnd(item: () => Node): Node[] {
    const items: Node[] = [];
    while (!this.eat("E")) items.push(item.call(this));
    return items;
  }

  /** Every cycle of productions passes through an `enter` and its `leave`, so that nesting is bounded. */
  protected enter(): void {
    if (++this.depth > MAX_DEPTH) fail();
  }

  protected leave<T>(result: T): T {
    this.depth--;
    return result;
  }

  // --- Terminals ---

  protected nextIsDigit(ahead = 0): boolean {
    const code = this.input.charCodeAt(this.at + ahead);
    return code >= 48 && code <= 57;
  }

  /** Decimal digits as they stand, "" if there are none. */
  protected digits(): string {
    const start = this.at;
    while (this.nextIsDigit()) this.at++;
    return this.input.slice(start, this.at);
  }

  /** <number> ::= [n] <non-negative decimal integer>; "" if there is none. */
  protected signedNumber(): string {
    const isNegative = this.eat("n");
    const digits = this.digits();
    return isNegative && digits !== "" ? `-${digits}` : digits;
  }

  /** <source-name> ::= <positive length number> <identifier> */
  protected identifier(): string {
    if (!this.nextIsDigit() || this.peek() === "0") fail();
    const length = Number(this.digits());
    if (length > this.input.length - this.at) fail();
    const start = this.at;
    this.at += length;
    return this.input.slice(start, this.at);
  }

  protected sourceName(): string {
    const identifier = this.identifier();
    // GCC's and clang's name for an unnamed namespace.
    return identifier.startsWith("_GLOBAL__N") ? "(anonymous namespace)" : identifier;
  }

  /** <CV-qualifiers> ::= [r] [V] [K], as they are printed, each with a leading space. */
  protected cvQualifiers(): string {
    const isRestrict = this.eat("r");
    const isVolatile = this.eat("V");
    const isConst = this.eat("K");
    return `${isConst ? " const" : ""}${isVolatile ? " volatile" : ""}${isRestrict ? " restrict" : ""}`;
  }

  /** The value of `[<seq-id>] _` (5.1.10): base 36 plus one, `_` alone is 0. */
  protected sequenceNumber(): number {
    if (this.eat("_")) return 0;
    let value = 0;
    do {
      const code = this.input.charCodeAt(this.at++);
      if (code >= 48 && code <= 57) value = value * 36 + code - 48;
      else if (code >= 65 && code <= 90) value = value * 36 + code - 55;
      else fail();
    } while (!this.eat("_"));
    return value + 1;
  }

  /** The value of `[<number>] _`, as template parameters are numbered: decimal plus one, `_` alone is 0. */
  protected parameterNumber(): number {
    if (this.eat("_")) return 0;
    if (!this.nextIsDigit()) fail();
    const value = Number(this.digits()) + 1;
    this.expect("_");
    return value;
  }
}
