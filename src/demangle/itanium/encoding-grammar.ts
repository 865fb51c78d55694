/**
 * Whole mangled names: Itanium C++ ABI 5.1.1 "General structure", 5.1.4 "Virtual tables and RTTI" (special names), and
 * the suffixes that compilers add.
 */

import { fail } from "../limits.ts";
import { ExpressionGrammar } from "./expression-grammar.ts";
import type { NameTraits } from "./grammar.ts";
import { type Node, parenthesized, phrase } from "./node.ts";

/** Special names that are a label in front of a type. */
const OF_TYPE: Readonly<Record<string, string>> = {
  TV: "vtable for ",
  TT: "VTT for ",
  TI: "typeinfo for ",
  TS: "typeinfo name for ",
};

/** Special names that are a label in front of a name. */
const OF_NAME: Readonly<Record<string, string>> = {
  TW: "thread-local wrapper routine for ",
  TH: "thread-local initialization routine for ",
  GV: "guard variable for ",
};

export class EncodingGrammar extends ExpressionGrammar {
  /**
   * <mangled-name> ::= _Z <encoding> [.<suffix>] ; clang's blocks: ___Z <encoding> _block_invoke [[_] <number>]
   *
   * The reader stands behind the `Z`.
   */
  mangledName(isBlock: boolean, withParameters: boolean): Node {
    const encoding = this.encoding(withParameters);
    if (isBlock) {
      this.expect("_block_invoke");
      const needsNumber = this.eat("_");
      if (this.digits() === "" && needsNumber) fail();
      if (!this.atEnd && this.peek() !== ".") fail();
      return phrase(["invocation function for block in ", encoding]);
    }
    if (this.atEnd) return encoding;
    if (this.peek() !== ".") fail();
    return phrase([encoding, " (", this.input.slice(this.at), ")"]);
  }

  /** <encoding> ::= <name> [<bare-function-type>] [Q <constraint>] | <special-name> */
  encoding(withParameters = true): Node {
    this.enter();
    // Template parameters of an encoding have nothing to do with those around it.
    const outer = this.templateParameters;
    this.templateParameters = [];
    const isSpecial = this.peek() === "G" || this.peek() === "T";
    const encoding = isSpecial ? this.specialName() : this.nameWithSignature(withParameters);
    this.templateParameters = outer;
    return this.leave(encoding);
  }

  private nameWithSignature(withParameters: boolean): Node {
    const traits: NameTraits = {
      hasNoReturnType: false,
      endsWithTemplateArguments: false,
      qualifiers: "",
      hasExplicitObject: false,
    };
    const outerReferences = this.forwardReferences;
    this.forwardReferences = [];
    const name = this.name(traits);
    for (const reference of this.forwardReferences) {
      reference.target = this.templateParameters[0]?.[reference.index] ?? fail();
    }
    this.forwardReferences = outerReferences;
    if (this.isEndOfEncoding()) return name;
    if (!withParameters) {
      this.at = this.input.length;
      return name;
    }
    const conditions = this.eat("Ua9enable_ifI") ? this.untilEnd(this.templateArgument) : [];
    const result = traits.endsWithTemplateArguments && !traits.hasNoReturnType ? this.type() : null;
    const declarator = phrase([name, parenthesized(this.parameters(traits.hasExplicitObject))]);
    const parts: Node[] = [result === null ? declarator : { kind: "declaration", type: result, declarator }];
    if (traits.qualifiers !== "") parts.push(traits.qualifiers);
    if (conditions.length > 0) parts.push(" [enable_if:", parenthesized(conditions).inner, "]");
    if (this.eat("Q")) parts.push(" requires ", this.constraint());
    return parts.length === 1 ? parts[0] : phrase(parts);
  }

  /** <bare-function-type> without its return type ::= v | <type>+ */
  private parameters(hasExplicitObject: boolean): Node[] {
    const parameters: Node[] = [];
    if (this.eat("v")) return parameters;
    do {
      const type = this.type();
      parameters.push(hasExplicitObject && parameters.length === 0 ? phrase(["this ", type]) : type);
    } while (!this.isEndOfEncoding() && this.peek() !== "Q");
    return parameters;
  }

  /** None of these characters starts a type. */
  private isEndOfEncoding(): boolean {
    const next = this.peek();
    return next === undefined || next === "E" || next === "." || next === "_";
  }

  /** <special-name> */
  private specialName(): Node {
    const code = this.input.substr(this.at, 2);
    const ofType = OF_TYPE[code];
    const ofName = OF_NAME[code];
    this.at += 2;
    if (ofType !== undefined) return phrase([ofType, this.type()]);
    if (ofName !== undefined) return phrase([ofName, this.name(null)]);
    switch (code) {
      case "TA":
        return phrase(["template parameter object for ", this.templateArgument()]);
      case "Th":
        this.callOffset("h");
        return phrase(["non-virtual thunk to ", this.encoding()]);
      case "Tv":
        this.callOffset("v");
        return phrase(["virtual thunk to ", this.encoding()]);
      case "Tc":
        this.callOffset(this.eat("h") ? "h" : this.eat("v") ? "v" : fail());
        this.callOffset(this.eat("h") ? "h" : this.eat("v") ? "v" : fail());
        return phrase(["covariant return thunk to ", this.encoding()]);
      case "TC":
        return this.constructionTable();
      case "GR":
        return this.referenceTemporary();
      case "GI":
        return phrase(["initializer for module ", this.moduleName(null) ?? fail()]);
      default:
        return fail();
    }
  }

  /** <call-offset> ::= h <number> _ | v <number> _ <number> _ , from behind its letter on. Not printed. */
  private callOffset(letter: "h" | "v"): void {
    for (let numbers = letter === "h" ? 1 : 2; numbers > 0; numbers--) {
      if (this.signedNumber() === "") fail();
      this.expect("_");
    }
  }

  /** TC <type> <number> _ <base type> */
  private constructionTable(): Node {
    const whole = this.type();
    if (this.signedNumber() === "") fail();
    this.expect("_");
    return phrase(["construction vtable for ", this.type(), "-in-", whole]);
  }

  /** GR <name> [[<seq-id>] _] */
  private referenceTemporary(): Node {
    const name = this.name(null);
    if (!this.isEndOfEncoding() || this.peek() === "_") this.sequenceNumber();
    return phrase(["reference temporary for ", name]);
  }
}
