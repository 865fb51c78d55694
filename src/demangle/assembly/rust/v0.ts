/**
 * Rust's v0 names: `_R`. Specification: RFC 2603 and "v0 Symbol Format" in the rustc book, whose productions are cited
 * below. https://doc.rust-lang.org/rustc/symbol-mangling/v0.html
 *
 * A v0 name is printed while it is read. A back reference is a position in the name, read again; so a short name can
 * print much, and the output's limits matter.
 *
 * The text is the short form of Rust's own demangler: no crate hashes, no types behind numbers.
 */

import { MAX_DEPTH } from "../../limits.ts";
import { fail } from "../failure.ts";
import { INPUT } from "../input.ts";
import {
  DASH,
  DOT,
  LETTER_A,
  LETTER_B,
  LETTER_C,
  LETTER_D,
  LETTER_E,
  LETTER_F,
  LETTER_G,
  LETTER_I,
  LETTER_K,
  LETTER_L,
  LETTER_M,
  LETTER_N,
  LETTER_O,
  LETTER_P,
  LETTER_Q,
  LETTER_R,
  LETTER_S,
  LETTER_T,
  LETTER_U,
  LETTER_V,
  LETTER_X,
  LETTER_Y,
  LETTER_Z,
  SMALL_A,
  SMALL_B,
  SMALL_C,
  SMALL_E,
  SMALL_P,
  SMALL_U,
  SMALL_Z,
  UNDERSCORE,
} from "../letters.ts";
import { appendSuffix, beginOutput, OUTPUT, outputLength, step } from "../output.ts";
import { basicType, isConstInteger } from "./v0-literals.ts";
import { V0Printer } from "./v0-printer.ts";

/**
 * Writes the Rust path that a name stands for; fails when it breaks the grammar.
 *
 * @param length of `_R…`, with any suffix from the first `.` on.
 * @returns false when the name is not of this scheme.
 */
export function demangleRustV0(length: u32): bool {
  const letter: u32 = load<u8>(INPUT + 1) === UNDERSCORE ? 2 : 1;
  if (load<u8>(INPUT) !== UNDERSCORE || load<u8>(INPUT + letter) !== LETTER_R) return false;
  const start = INPUT + letter + 1;
  const end = INPUT + length;
  let dot = start;
  while (dot < end && load<u8>(dot) !== DOT) dot++;
  beginOutput(dot - start);
  new Demangler(start, dot).symbolName();
  if (dot < end) appendSuffix(dot, end - dot);
  return true;
}

class Demangler extends V0Printer {
  private depth: i32 = 0;
  private boundLifetimes: u32 = 0;

  /** <symbol-name> = "_R" <path> [<instantiating-crate>] */
  symbolName(): void {
    this.path(false);
    if (this.at < this.end) this.mutedPath();
    if (this.at < this.end) fail();
    // A zero in front ends a name before it begins.
    if (outputLength() > 0 && load<u8>(OUTPUT) === 0) fail();
  }

  // --- Paths ---

  /** <path>. @param inType there the `::` before generic arguments can be left out. */
  private path(inType: bool): void {
    if (this.openPath(inType, false)) this.print(">");
  }

  private mutedPath(): void {
    this.muted++;
    this.path(false);
    this.muted--;
  }

  /**
   * A path.
   *
   * @param leaveOpen true: without the `>` of its generic arguments, so that more can follow.
   * @returns whether a `>` is still to be printed.
   */
  private openPath(inType: bool, leaveOpen: bool): bool {
    this.enter();
    let isOpen = false;
    switch (this.next()) {
      case LETTER_C:
        this.disambiguator();
        this.identifier();
        this.printText();
        break;
      case LETTER_M:
        this.implPath();
        this.print("<");
        this.type();
        this.print(">");
        break;
      case LETTER_X:
        this.implPath();
        this.qualifiedSelf();
        break;
      case LETTER_Y:
        this.qualifiedSelf();
        break;
      case LETTER_N:
        this.nestedPath(inType);
        break;
      case LETTER_I:
        this.path(inType);
        this.print(inType ? "<" : "::<");
        for (let count = 0; this.hasItem(count, ", "); count++) this.genericArgument();
        isOpen = leaveOpen;
        if (!leaveOpen) this.print(">");
        break;
      case LETTER_B: {
        const resumeAt = this.backReference();
        if (resumeAt === 0) break;
        isOpen = this.openPath(inType, leaveOpen);
        this.at = resumeAt;
        break;
      }
      default:
        fail();
    }
    this.depth--;
    return isOpen;
  }

  /** `<Type as Trait>` */
  private qualifiedSelf(): void {
    this.print("<");
    this.type();
    this.print(" as ");
    this.path(true);
    this.print(">");
  }

  /** <impl-path> = [<disambiguator>] <path> : where the impl stands, which is not printed. */
  private implPath(): void {
    this.disambiguator();
    this.mutedPath();
  }

  /** "N" <namespace> <path> <identifier> */
  private nestedPath(inType: bool): void {
    const namespace = this.next();
    const isInternal = namespace >= SMALL_A && namespace <= SMALL_Z;
    if (!isInternal && !(namespace >= LETTER_A && namespace <= LETTER_Z)) fail();
    this.path(inType);
    const disambiguator = this.disambiguator();
    this.identifier();
    const isNamed = this.textLength > 0;
    if (isInternal) {
      if (isNamed) this.print("::");
      this.printText();
      return;
    }
    this.print("::{");
    if (namespace === LETTER_C) this.print("closure");
    else if (namespace === LETTER_S) this.print("shim");
    else this.printByte(namespace);
    if (isNamed) this.print(":");
    this.printText();
    this.print("#");
    this.printNumber(disambiguator);
    this.print("}");
  }

  /** <generic-arg> = <lifetime> | <type> | "K" <const> */
  private genericArgument(): void {
    if (this.eat(LETTER_L)) this.lifetime(this.base62());
    else if (this.eat(LETTER_K)) this.constant(false);
    else this.type();
  }

  // --- Types ---

  /** <type> */
  private type(): void {
    const start = this.at;
    const tag = this.next();
    const basic = basicType(tag);
    if (basic.length > 0) {
      this.print(basic);
      return;
    }
    this.enter();
    switch (tag) {
      case LETTER_A:
        this.print("[");
        this.type();
        this.print("; ");
        this.constant(true);
        this.print("]");
        break;
      case LETTER_S:
        this.print("[");
        this.type();
        this.print("]");
        break;
      case LETTER_T: {
        this.print("(");
        let count = 0;
        for (; this.hasItem(count, ", "); count++) this.type();
        this.closeTuple(count);
        break;
      }
      case LETTER_R:
      case LETTER_Q:
        this.print("&");
        this.referenceLifetime();
        if (tag === LETTER_Q) this.print("mut ");
        this.type();
        break;
      case LETTER_P:
        this.print("*const ");
        this.type();
        break;
      case LETTER_O:
        this.print("*mut ");
        this.type();
        break;
      case LETTER_F: {
        const outer = this.openBinder();
        this.functionSignature();
        this.boundLifetimes = outer;
        break;
      }
      case LETTER_D:
        this.print("dyn ");
        this.dynBounds();
        this.expect(LETTER_L);
        this.dynLifetime();
        break;
      case LETTER_B: {
        const resumeAt = this.backReference();
        if (resumeAt === 0) break;
        this.type();
        this.at = resumeAt;
        break;
      }
      default:
        this.at = start;
        this.path(true);
    }
    this.depth--;
  }

  private closeTuple(count: i32): void {
    if (count === 1) this.print(",");
    this.print(")");
  }

  private referenceLifetime(): void {
    const lifetime = this.eat(LETTER_L) ? this.base62() : 0;
    if (lifetime === 0) return;
    this.lifetime(lifetime);
    this.print(" ");
  }

  private dynLifetime(): void {
    const lifetime = this.base62();
    if (lifetime === 0) return;
    this.print(" + ");
    this.lifetime(lifetime);
  }

  /** <fn-sig> = [<binder>] ["U"] ["K" <abi>] {<type>} "E" <type>, behind its binder. */
  private functionSignature(): void {
    if (this.eat(LETTER_U)) this.print("unsafe ");
    if (this.eat(LETTER_K)) this.abi();
    this.print("fn(");
    for (let count = 0; this.hasItem(count, ", "); count++) this.type();
    this.print(")");
    if (this.eat(SMALL_U)) return;
    this.print(" -> ");
    this.type();
  }

  /** <abi> = "C" | <undisambiguated-identifier> , whose `_` are `-`. */
  private abi(): void {
    this.print('extern "');
    if (this.eat(LETTER_C)) this.print("C");
    else {
      this.identifier();
      for (let i: u32 = 0; i < this.textLength; i++) {
        const byte = load<u8>(this.text + i);
        this.printByte(byte === UNDERSCORE ? DASH : byte);
      }
    }
    this.print('" ');
  }

  /** <dyn-bounds> = [<binder>] {<dyn-trait>} "E" */
  private dynBounds(): void {
    const outer = this.openBinder();
    for (let count = 0; this.hasItem(count, " + "); count++) this.dynTrait();
    this.boundLifetimes = outer;
  }

  /** <dyn-trait> = <path> {"p" <undisambiguated-identifier> <type>} : `Trait<T, Item = U>` */
  private dynTrait(): void {
    let isOpen = this.openPath(true, true);
    while (this.eat(SMALL_P)) {
      this.print(isOpen ? ", " : "<");
      isOpen = true;
      this.identifier();
      this.printText();
      this.print(" = ");
      this.type();
    }
    if (isOpen) this.print(">");
  }

  /** [<binder>] = "G" <base-62-number> . @returns how many lifetimes are bound around it, to be set again behind it. */
  private openBinder(): u32 {
    const outer = this.boundLifetimes;
    const count = this.eat(LETTER_G) ? this.base62() + 1 : 0;
    // Each bound lifetime is used by at least one character of the name.
    if (outer + count > this.end - this.start) fail();
    step(<u32>count);
    for (let i: u32 = 0; i < <u32>count; i++) {
      this.print(i === 0 ? "for<" : ", ");
      this.boundLifetimes++;
      this.lifetime(1);
    }
    if (count > 0) this.print("> ");
    return outer;
  }

  /** 0 is the erased lifetime; others count binders outwards, and get letters from the outermost one on. */
  private lifetime(index: u64): void {
    if (index === 0) {
      this.print("'_");
      return;
    }
    if (index > this.boundLifetimes) fail();
    const fromOutermost = this.boundLifetimes - <u32>index;
    this.print("'");
    if (fromOutermost < 26) this.printByte(SMALL_A + <u8>fromOutermost);
    else {
      this.print("z");
      this.printNumber(fromOutermost - 25);
    }
  }

  // --- Constants ---

  /** <const>. @param isInside a larger constant or array length; elsewhere all but literals need braces. */
  private constant(isInside: bool): void {
    this.enter();
    const tag = this.next();
    if (tag === SMALL_P) this.print("_");
    else if (tag === SMALL_B) this.boolean();
    else if (tag === SMALL_C) this.character();
    else if (isConstInteger(tag)) this.integer();
    else if (tag === LETTER_R && this.eat(SMALL_E)) this.string();
    else if (tag === LETTER_B) {
      const resumeAt = this.backReference();
      if (resumeAt !== 0) {
        this.constant(isInside);
        this.at = resumeAt;
      }
    } else if (isInside) this.compoundConstant(tag);
    else {
      this.print("{");
      this.compoundConstant(tag);
      this.print("}");
    }
    this.depth--;
  }

  private compoundConstant(tag: u8): void {
    switch (tag) {
      case SMALL_E:
        // A string literal is a reference; a bare str is what it refers to.
        this.print("*");
        this.string();
        break;
      case LETTER_R:
      case LETTER_Q:
        this.print(tag === LETTER_R ? "&" : "&mut ");
        this.constant(true);
        break;
      case LETTER_A:
        this.print("[");
        for (let count = 0; this.hasItem(count, ", "); count++) this.constant(true);
        this.print("]");
        break;
      case LETTER_T: {
        this.print("(");
        let count = 0;
        for (; this.hasItem(count, ", "); count++) this.constant(true);
        this.closeTuple(count);
        break;
      }
      case LETTER_V:
        this.path(false);
        this.constructorFields();
        break;
      default:
        fail();
    }
  }

  /** "U" | "T" {<const>} "E" | "S" {<identifier> <const>} "E" */
  private constructorFields(): void {
    switch (this.next()) {
      case LETTER_U:
        break;
      case LETTER_T:
        this.print("(");
        for (let count = 0; this.hasItem(count, ", "); count++) this.constant(true);
        this.print(")");
        break;
      case LETTER_S:
        this.print(" { ");
        for (let count = 0; this.hasItem(count, ", "); count++) this.field();
        this.print(" }");
        break;
      default:
        fail();
    }
  }

  private field(): void {
    this.disambiguator();
    this.identifier();
    this.printText();
    this.print(": ");
    this.constant(true);
  }

  // --- Sequences and back references ---

  /** Whether a sequence, which ends with `E`, has one more item. @param count how many it had. */
  private hasItem(count: i32, separator: string): bool {
    if (this.eat(LETTER_E)) return false;
    if (count > 0) this.print(separator);
    return true;
  }

  /**
   * <backref> = "B" <base-62-number> : goes to an earlier position, where what it stands for is read again.
   *
   * @returns where to go on behind it; 0 when there is nothing to see: the target was read when it was first met.
   */
  private backReference(): u32 {
    const tagAt = this.at - 1;
    const target = this.base62();
    if (target >= tagAt - this.start) fail();
    if (this.muted > 0) return 0;
    const resumeAt = this.at;
    this.at = this.start + <u32>target;
    return resumeAt;
  }

  private enter(): void {
    step();
    if (++this.depth > MAX_DEPTH) fail();
  }
}
