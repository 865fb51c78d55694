/**
 * Whole mangled names: Itanium C++ ABI 5.1.1 "General structure", 5.1.4 "Virtual tables and RTTI" (special names), and
 * the suffixes that compilers add.
 */

import { fail } from "../failure.ts";
import { DOT, LETTER_E, LETTER_G, LETTER_Q, LETTER_T, SMALL_V, UNDERSCORE } from "../letters.ts";
import { ExpressionGrammar } from "./expression-grammar.ts";
import { NameTraits } from "./grammar.ts";
import { Declaration, list, Node, parenthesized, phrase, phraseOf } from "./node.ts";
import { Excerpt, literal } from "./text.ts";

export class EncodingGrammar extends ExpressionGrammar {
  /**
   * <mangled-name> ::= _Z <encoding> [.<suffix>] ; clang's blocks: ___Z <encoding> _block_invoke [[_] <number>]
   *
   * The reader stands behind the `Z`.
   */
  mangledName(isBlock: bool, withParameters: bool): Node {
    const encoding = this.encoding(withParameters);
    if (isBlock) {
      this.expect("_block_invoke");
      const needsNumber = this.eat("_");
      if (this.digits().length === 0 && needsNumber) fail();
      if (!this.atEnd && this.peek() !== DOT) fail();
      return phrase([literal("invocation function for block in "), encoding]);
    }
    if (this.atEnd) return encoding;
    if (this.peek() !== DOT) fail();
    return phrase([encoding, literal(" ("), new Excerpt(this.at, this.end - this.at), literal(")")]);
  }

  /** <encoding> ::= <name> [<bare-function-type>] [Q <constraint>] | <special-name> */
  encoding(withParameters: bool): Node {
    this.enter();
    // Template parameters of an encoding have nothing to do with those around it.
    const outer = this.templateParameters;
    this.templateParameters = [];
    const isSpecial = this.peek() === LETTER_G || this.peek() === LETTER_T;
    const encoding = isSpecial ? this.specialName() : this.nameWithSignature(withParameters);
    this.templateParameters = outer;
    return this.leave(encoding);
  }

  private nameWithSignature(withParameters: bool): Node {
    const traits = new NameTraits();
    const outerReferences = this.forwardReferences;
    this.forwardReferences = [];
    const name = this.name(traits);
    this.resolveForwardReferences();
    this.forwardReferences = outerReferences;
    if (this.isEndOfEncoding()) return name;
    if (!withParameters) {
      this.at = this.end;
      return name;
    }
    const conditions = this.eat("Ua9enable_ifI") ? this.templateArgumentsToEnd() : [];
    const result = traits.endsWithTemplateArguments && !traits.hasNoReturnType ? this.type() : null;
    const declarator = phrase([name, parenthesized(this.parameters(traits.hasExplicitObject))]);
    const parts: Node[] = [result === null ? declarator : new Declaration(result, declarator)];
    if (traits.qualifiers.length > 0) parts.push(literal(traits.qualifiers));
    if (traits.referenceQualifier.length > 0) parts.push(literal(traits.referenceQualifier));
    if (conditions.length > 0) {
      parts.push(literal(" [enable_if:"));
      parts.push(list(conditions));
      parts.push(literal("]"));
    }
    if (this.eat("Q")) {
      parts.push(literal(" requires "));
      parts.push(this.constraint());
    }
    return parts.length === 1 ? parts[0] : phraseOf(parts);
  }

  private resolveForwardReferences(): void {
    for (let i = 0; i < this.forwardReferences.length; i++) {
      const reference = unchecked(this.forwardReferences[i]);
      reference.target = this.templateArgumentOf(0, reference.index);
      if (reference.target === null) fail();
    }
  }

  /** <bare-function-type> without its return type ::= v | <type>+ */
  private parameters(hasExplicitObject: bool): Node[] {
    const parameters: Node[] = [];
    if (this.eat("v")) return parameters;
    do {
      const type = this.type();
      const isObject = hasExplicitObject && parameters.length === 0;
      parameters.push(isObject ? phrase([literal("this "), type]) : type);
    } while (!this.isEndOfEncoding() && this.peek() !== LETTER_Q);
    return parameters;
  }

  /** None of these characters starts a type. */
  private isEndOfEncoding(): bool {
    const next = this.peek();
    return this.atEnd || next === LETTER_E || next === DOT || next === UNDERSCORE;
  }

  /** <special-name> */
  private specialName(): Node {
    if (this.eat("TV")) return phrase([literal("vtable for "), this.type()]);
    if (this.eat("TT")) return phrase([literal("VTT for "), this.type()]);
    if (this.eat("TI")) return phrase([literal("typeinfo for "), this.type()]);
    if (this.eat("TS")) return phrase([literal("typeinfo name for "), this.type()]);
    if (this.eat("TW")) return phrase([literal("thread-local wrapper routine for "), this.name(null)]);
    if (this.eat("TH")) return phrase([literal("thread-local initialization routine for "), this.name(null)]);
    if (this.eat("GV")) return phrase([literal("guard variable for "), this.name(null)]);
    if (this.eat("TA")) return phrase([literal("template parameter object for "), this.templateArgument()]);
    if (this.eat("Tc")) {
      this.callOffset();
      this.callOffset();
      return phrase([literal("covariant return thunk to "), this.encoding(true)]);
    }
    if (this.eat("TC")) return this.constructionTable();
    if (this.eat("GR")) return this.referenceTemporary();
    if (this.eat("GI")) return this.moduleInitializer();
    const isVirtual = this.peek(1) === SMALL_V;
    this.expect("T");
    this.callOffset();
    return phrase([literal(isVirtual ? "virtual thunk to " : "non-virtual thunk to "), this.encoding(true)]);
  }

  /** <call-offset> ::= h <number> _ | v <number> _ <number> _ . Not printed. */
  private callOffset(): void {
    const isVirtual = this.eat("v");
    if (!isVirtual) this.expect("h");
    this.offset();
    if (isVirtual) this.offset();
  }

  /** <number> _ */
  private offset(): void {
    if (this.signedNumber() === null) fail();
    this.expect("_");
  }

  /** TC <type> <number> _ <base type> , from behind `TC` on. */
  private constructionTable(): Node {
    const whole = this.type();
    this.offset();
    return phrase([literal("construction vtable for "), this.type(), literal("-in-"), whole]);
  }

  /** GR <name> [[<seq-id>] _] , from behind `GR` on. */
  private referenceTemporary(): Node {
    const name = this.name(null);
    if (!this.isEndOfEncoding() || this.peek() === UNDERSCORE) this.sequenceNumber();
    return phrase([literal("reference temporary for "), name]);
  }

  /** GI <module-name> , from behind `GI` on. */
  private moduleInitializer(): Node {
    const module = this.moduleName(null);
    if (module === null) fail();
    return phrase([literal("initializer for module "), module!]);
  }
}
