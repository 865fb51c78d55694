/**
 * What all the productions of the grammar share: the reading position, the tables of substitutions and template
 * parameters, and the small terminals. Itanium C++ ABI 5.1.
 *
 * The grammar's chapters call each other in a circle (a type has a name, a name has template arguments, an argument is
 * an expression, an expression has a type). They are layers of one class, so that every file imports only the one
 * below it: Grammar < NameGrammar < TypeGrammar < TemplateGrammar < ExpressionGrammar < EncodingGrammar. What a layer
 * needs from above is declared here as abstract.
 *
 * The parser never goes back: each production is decided by the next one to three characters, so time is linear.
 */

import { MAX_DEPTH } from "../../limits.ts";
import { fail } from "../failure.ts";
import { DIGIT_0, isDigit, LETTER_A, LETTER_Z } from "../letters.ts";
import { ForwardReference, Node } from "./node.ts";
import { compound, Excerpt, literal } from "./text.ts";

/** What the encoding around a name needs to know about it. */
export class NameTraits {
  /** Constructors, destructors and conversions have no return type in their mangled names. */
  hasNoReturnType: bool = false;
  endsWithTemplateArguments: bool = false;
  /** Of a member function: ` const volatile`, and ` &`. */
  qualifiers: string = "";
  referenceQualifier: string = "";
  hasExplicitObject: bool = false;
}

/** A closure type: its text, and the number in its name. */
export class Closure {
  constructor(
    readonly declarator: Node,
    readonly count: Node,
  ) {}
}

/** Numbers stop here, which is beyond everything that they count. */
const MAX_NUMBER: u32 = 1 << 24;

/** By bits: 1 is `const`, 2 is `volatile`, 4 is `restrict`. */
const CV_QUALIFIERS: StaticArray<string> = [
  "",
  " const",
  " volatile",
  " const volatile",
  " restrict",
  " const restrict",
  " volatile restrict",
  " const volatile restrict",
];

export abstract class Grammar {
  private depth: i32 = 0;

  /** Substitution candidates, in order of appearance (5.1.10 "Compression"). */
  protected readonly substitutions: Node[] = [];
  /** Arguments that `T_` refers to: by level (lambdas in lambdas), then by index (5.1.5.8). */
  protected templateParameters: Node[][] = [];
  /** Parameters read before their arguments; the enclosing encoding resolves them. */
  protected forwardReferences: ForwardReference[] = [];
  protected allowsForwardReferences: bool = false;
  /** In a conversion operator's type, template arguments belong to the operator, not to the type. */
  protected allowsTypeArguments: bool = true;
  protected isInConstraint: bool = false;

  /** @param at the next character to be read. @param end of the mangled name. */
  constructor(
    protected at: u32,
    protected readonly end: u32,
  ) {}

  abstract type(): Node;
  abstract expression(): Node;
  abstract encoding(withParameters: bool): Node;
  /** <template-args>; `isOfEncoding` makes them what `T_` refers to from now on. */
  protected abstract templateArguments(isOfEncoding: bool): Node;
  /** A closure type, from behind `Ul` on. */
  protected abstract closure(): Closure;
  protected abstract decltype(): Node;

  // --- Reading ---

  protected get atEnd(): bool {
    return this.at >= this.end;
  }

  /** The character `ahead` of the position; 0 past the end. */
  protected peek(ahead: u32 = 0): u8 {
    return load<u8>(this.at + ahead);
  }

  /** Whether `text` comes next. */
  protected nextIs(text: string): bool {
    const at = this.at;
    const length = <u32>text.length;
    const characters = changetype<usize>(text);
    for (let i: u32 = 0; i < length; i++) if (load<u8>(at + i) !== load<u16>(characters + (i << 1))) return false;
    return true;
  }

  /** Steps over `text` if it comes next. */
  protected eat(text: string): bool {
    if (!this.nextIs(text)) return false;
    this.at += text.length;
    return true;
  }

  protected expect(text: string): void {
    if (!this.eat(text)) fail();
  }

  /** Every cycle of productions passes through an `enter` and its `leave`, so that nesting is bounded. */
  protected enter(): void {
    if (++this.depth > MAX_DEPTH) fail();
  }

  protected leave(result: Node): Node {
    this.depth--;
    return result;
  }

  // --- Terminals ---

  protected nextIsDigit(ahead: u32 = 0): bool {
    return isDigit(this.peek(ahead));
  }

  /** Decimal digits as they stand, none if there are none. */
  protected digits(): Excerpt {
    const start = this.at;
    while (this.nextIsDigit()) this.at++;
    return new Excerpt(start, this.at - start);
  }

  /** The value of decimal digits; MAX_NUMBER if it is larger. */
  protected number(): u32 {
    let value: u32 = 0;
    for (; this.nextIsDigit(); this.at++) value = min(value * 10 + (this.peek() - DIGIT_0), MAX_NUMBER);
    return value;
  }

  /** <number> ::= [n] <non-negative decimal integer>; null if there is none. */
  protected signedNumber(): Node | null {
    const isNegative = this.eat("n");
    const digits = this.digits();
    if (digits.length === 0) return null;
    return isNegative ? compound([literal("-"), digits]) : digits;
  }

  /** <source-name> ::= <positive length number> <identifier> */
  protected identifier(): Excerpt {
    if (!this.nextIsDigit() || this.peek() === DIGIT_0) fail();
    const length = this.number();
    if (length > this.end - this.at) fail();
    const start = this.at;
    this.at += length;
    return new Excerpt(start, length);
  }

  protected sourceName(): Node {
    const identifier = this.identifier();
    // GCC's and clang's name for an unnamed namespace.
    return identifier.startsWith("_GLOBAL__N") ? literal("(anonymous namespace)") : identifier;
  }

  /** <CV-qualifiers> ::= [r] [V] [K], as they are printed, each with a leading space. */
  protected cvQualifiers(): string {
    const isRestrict = this.eat("r");
    const isVolatile = this.eat("V");
    const isConst = this.eat("K");
    return unchecked(CV_QUALIFIERS[(isConst ? 1 : 0) + (isVolatile ? 2 : 0) + (isRestrict ? 4 : 0)]);
  }

  /** The value of `[<seq-id>] _` (5.1.10): base 36 plus one, `_` alone is 0. */
  protected sequenceNumber(): u32 {
    if (this.eat("_")) return 0;
    let value: u32 = 0;
    do {
      const letter = this.peek();
      this.at++;
      let digit: u32 = letter - DIGIT_0;
      if (letter >= LETTER_A && letter <= LETTER_Z) digit = letter - LETTER_A + 10;
      else if (!isDigit(letter)) fail();
      value = min(value * 36 + digit, MAX_NUMBER);
    } while (!this.eat("_"));
    return value + 1;
  }

  /** The value of `[<number>] _`, as template parameters are numbered: decimal plus one, `_` alone is 0. */
  protected parameterNumber(): u32 {
    if (this.eat("_")) return 0;
    if (!this.nextIsDigit()) fail();
    const value = this.number() + 1;
    this.expect("_");
    return value;
  }
}
