/**
 * Rust's v0 names: `_R`. Specification: RFC 2603 and "v0 Symbol Format" in the rustc book, whose productions are cited
 * below. https://doc.rust-lang.org/rustc/symbol-mangling/v0.html
 *
 * A v0 name is printed while it is read. A back reference is a position in the name, read again; so a short name can
 * print much, and the output's limits matter.
 *
 * The text is the short form of Rust's own demangler: no crate hashes, no types behind numbers.
 */

import { FAILURE, fail, MAX_DEPTH } from "../limits.ts";
import { BASIC_TYPES, CONST_INTEGERS, characterLiteral, integerText, stringLiteral } from "./v0-literals.ts";
import { V0Reader } from "./v0-reader.ts";

/**
 * The Rust path that `mangled` stands for.
 *
 * @param mangled `_R…`, with any suffix from the first `.` on.
 * @returns undefined when the name is not of this scheme, breaks its grammar, or exceeds a limit.
 */
export function demangleRustV0(mangled: string): string | undefined {
  const start = mangled.startsWith("_R") ? 2 : 3;
  if (start === 3 && !mangled.startsWith("__R")) return undefined;
  const dot = mangled.indexOf(".");
  const end = dot < 0 ? mangled.length : dot;
  try {
    const path = new Demangler(mangled.slice(start, end)).symbolName();
    return dot < 0 ? path : `${path} (${mangled.slice(dot)})`;
  } catch (error) {
    if (error === FAILURE) return undefined;
    throw error;
  }
}

class Demangler extends V0Reader {
  private depth = 0;
  /** While more than 0, what is read is not printed. */
  private muted = 0;
  private boundLifetimes = 0;

  /** <symbol-name> = "_R" <path> [<instantiating-crate>] */
  symbolName(): string {
    this.path(false);
    if (this.at < this.input.length) this.mute(() => this.path(false));
    if (this.at < this.input.length) fail();
    return this.output.finish();
  }

  // --- Paths ---

  /** <path>. @param inType there the `::` before generic arguments can be left out. */
  private path(inType: boolean): void {
    if (this.openPath(inType, false)) this.print(">");
  }

  /**
   * A path.
   *
   * @param leaveOpen true: without the `>` of its generic arguments, so that more can follow.
   * @returns whether a `>` is still to be printed.
   */
  private openPath(inType: boolean, leaveOpen: boolean): boolean {
    this.enter();
    let isOpen = false;
    switch (this.next()) {
      case "C":
        this.disambiguator();
        this.print(this.identifier());
        break;
      case "M":
        this.implPath();
        this.print("<");
        this.type();
        this.print(">");
        break;
      case "X":
        this.implPath();
        this.qualifiedSelf();
        break;
      case "Y":
        this.qualifiedSelf();
        break;
      case "N":
        this.nestedPath(inType);
        break;
      case "I":
        this.path(inType);
        this.print(inType ? "<" : "::<");
        this.separated(", ", this.genericArgument);
        isOpen = leaveOpen;
        if (!leaveOpen) this.print(">");
        break;
      case "B":
        isOpen = this.backReference(() => this.openPath(inType, leaveOpen)) ?? false;
        break;
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
    this.mute(() => this.path(false));
  }

  /** "N" <namespace> <path> <identifier> */
  private nestedPath(inType: boolean): void {
    const namespace = this.next();
    const isInternal = namespace >= "a" && namespace <= "z";
    if (!isInternal && !(namespace >= "A" && namespace <= "Z")) fail();
    this.path(inType);
    const disambiguator = this.disambiguator();
    const identifier = this.identifier();
    if (isInternal) {
      if (identifier !== "") this.print(`::${identifier}`);
      return;
    }
    const kind = namespace === "C" ? "closure" : namespace === "S" ? "shim" : namespace;
    this.print(`::{${kind}${identifier === "" ? "" : `:${identifier}`}#${disambiguator}}`);
  }

  /** <generic-arg> = <lifetime> | <type> | "K" <const> */
  private genericArgument(): void {
    if (this.eat("L")) this.lifetime(this.base62());
    else if (this.eat("K")) this.constant(false);
    else this.type();
  }

  // --- Types ---

  /** <type> */
  private type(): void {
    const start = this.at;
    const tag = this.next();
    const basic = BASIC_TYPES[tag];
    if (basic !== undefined) {
      this.print(basic);
      return;
    }
    this.enter();
    switch (tag) {
      case "A":
        this.print("[");
        this.type();
        this.print("; ");
        this.constant(true);
        this.print("]");
        break;
      case "S":
        this.print("[");
        this.type();
        this.print("]");
        break;
      case "T":
        this.tuple(this.type);
        break;
      case "R":
      case "Q":
        this.print("&");
        this.referenceLifetime();
        if (tag === "Q") this.print("mut ");
        this.type();
        break;
      case "P":
        this.print("*const ");
        this.type();
        break;
      case "O":
        this.print("*mut ");
        this.type();
        break;
      case "F":
        this.withBinder(this.functionSignature);
        break;
      case "D":
        this.print("dyn ");
        this.withBinder(() => this.separated(" + ", this.dynTrait));
        this.expect("L");
        this.dynLifetime();
        break;
      case "B":
        this.backReference(() => this.type());
        break;
      default:
        this.at = start;
        this.path(true);
    }
    this.depth--;
  }

  private tuple(item: () => void): void {
    this.print("(");
    if (this.separated(", ", item) === 1) this.print(",");
    this.print(")");
  }

  private referenceLifetime(): void {
    const lifetime = this.eat("L") ? this.base62() : 0;
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
    if (this.eat("U")) this.print("unsafe ");
    if (this.eat("K")) this.print(`extern "${this.eat("C") ? "C" : this.identifier().replaceAll("_", "-")}" `);
    this.print("fn(");
    this.separated(", ", this.type);
    this.print(")");
    if (this.eat("u")) return;
    this.print(" -> ");
    this.type();
  }

  /** <dyn-trait> = <path> {"p" <undisambiguated-identifier> <type>} : `Trait<T, Item = U>` */
  private dynTrait(): void {
    let isOpen = this.openPath(true, true);
    while (this.eat("p")) {
      this.print(isOpen ? ", " : "<");
      isOpen = true;
      this.print(`${this.identifier()} = `);
      this.type();
    }
    if (isOpen) this.print(">");
  }

  /** [<binder>] <body> ; <binder> = "G" <base-62-number> */
  private withBinder(body: () => void): void {
    const outer = this.boundLifetimes;
    const count = this.eat("G") ? this.base62() + 1 : 0;
    // Each bound lifetime is used by at least one character of the name.
    if (outer + count > this.input.length) fail();
    this.output.step(count);
    for (let i = 0; i < count; i++) {
      this.print(i === 0 ? "for<" : ", ");
      this.boundLifetimes++;
      this.lifetime(1);
    }
    if (count > 0) this.print("> ");
    body.call(this);
    this.boundLifetimes = outer;
  }

  /** 0 is the erased lifetime; others count binders outwards, and get letters from the outermost one on. */
  private lifetime(index: number): void {
    if (index === 0) {
      this.print("'_");
      return;
    }
    const fromOutermost = this.boundLifetimes - index;
    if (fromOutermost < 0) fail();
    this.print(fromOutermost < 26 ? `'${String.fromCharCode(97 + fromOutermost)}` : `'z${fromOutermost - 25}`);
  }

  // --- Constants ---

  /** <const>. @param isInside a larger constant or array length; elsewhere all but literals need braces. */
  private constant(isInside: boolean): void {
    this.enter();
    const tag = this.next();
    if (tag === "p") this.print("_");
    else if (tag === "b") this.print(this.booleanText());
    else if (tag === "c") this.print(characterLiteral(this.hexDigits()));
    else if (CONST_INTEGERS.includes(tag)) this.print((this.eat("n") ? "-" : "") + integerText(this.hexDigits()));
    else if (tag === "R" && this.eat("e")) this.print(stringLiteral(this.hexDigits(true)));
    else if (tag === "B") this.backReference(() => this.constant(isInside));
    else if (isInside) this.compoundConstant(tag);
    else {
      this.print("{");
      this.compoundConstant(tag);
      this.print("}");
    }
    this.depth--;
  }

  private compoundConstant(tag: string): void {
    switch (tag) {
      case "e":
        // A string literal is a reference; a bare str is what it refers to.
        this.print(`*${stringLiteral(this.hexDigits(true))}`);
        break;
      case "R":
      case "Q":
        this.print(tag === "R" ? "&" : "&mut ");
        this.constant(true);
        break;
      case "A":
        this.print("[");
        this.separated(", ", this.innerConstant);
        this.print("]");
        break;
      case "T":
        this.tuple(this.innerConstant);
        break;
      case "V":
        this.path(false);
        this.constructorFields();
        break;
      default:
        fail();
    }
  }

  private innerConstant(): void {
    this.constant(true);
  }

  /** "U" | "T" {<const>} "E" | "S" {<identifier> <const>} "E" */
  private constructorFields(): void {
    switch (this.next()) {
      case "U":
        break;
      case "T":
        this.print("(");
        this.separated(", ", this.innerConstant);
        this.print(")");
        break;
      case "S":
        this.print(" { ");
        this.separated(", ", this.field);
        this.print(" }");
        break;
      default:
        fail();
    }
  }

  private field(): void {
    this.disambiguator();
    this.print(`${this.identifier()}: `);
    this.constant(true);
  }

  private booleanText(): string {
    const digits = this.hexDigits();
    if (digits === "0") return "false";
    return digits === "1" ? "true" : fail();
  }

  // --- Sequences and back references ---

  /** Items up to `E`. @returns how many there were. */
  private separated(separator: string, item: () => void): number {
    let count = 0;
    while (!this.eat("E")) {
      if (count++ > 0) this.print(separator);
      item.call(this);
    }
    return count;
  }

  /** <backref> = "B" <base-62-number> : reads again what stands at an earlier position. */
  private backReference<T>(production: () => T): T | undefined {
    const tagAt = this.at - 1;
    const target = this.base62();
    if (target >= tagAt) fail();
    // Nothing to see: the target was read when it was first met.
    if (this.muted > 0) return undefined;
    const resume = this.at;
    this.at = target;
    const result = production();
    this.at = resume;
    return result;
  }

  // --- Printing ---

  private print(text: string): void {
    if (this.muted === 0) this.output.append(text);
  }

  private mute(production: () => void): void {
    this.muted++;
    production();
    this.muted--;
  }

  private enter(): void {
    this.output.step();
    if (++this.depth > MAX_DEPTH) fail();
  }
}
