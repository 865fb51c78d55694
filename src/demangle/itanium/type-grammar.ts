/**
 * Types: Itanium C++ ABI 5.1.5.
 *
 * Whatever is parsed here and is neither built in nor itself a substitution becomes a substitution candidate.
 */

import { fail } from "../limits.ts";
import { BUILTIN_D_TYPES, BUILTIN_TYPES } from "./builtin-types.ts";
import { NameGrammar } from "./name-grammar.ts";
import { group, isModule, type Node, parenthesized, phrase } from "./node.ts";

/** Types whose code is a `D` and a letter after which a function type follows. */
const FUNCTION_PREFIXES = "oOwx";

export abstract class TypeGrammar extends NameGrammar {
  /** <type> */
  type(): Node {
    const builtin = BUILTIN_TYPES[this.peek() ?? ""];
    if (builtin !== undefined) {
      this.at++;
      return builtin;
    }
    this.enter();
    return this.leave(this.compoundType());
  }

  private compoundType(): Node {
    switch (this.peek()) {
      case "r":
      case "V":
      case "K":
        return this.candidate(this.isQualifiedFunction() ? this.functionType() : this.qualifiedType());
      case "U":
        return this.candidate(this.qualifiedType());
      case "u":
        this.at++;
        return this.candidate(this.vendorType());
      case "D":
        return this.typeWithD();
      case "F":
        return this.candidate(this.functionType());
      case "A":
        this.at++;
        return this.candidate(this.arrayType());
      case "M":
        this.at++;
        return this.candidate({ kind: "memberPointer", owner: this.type(), member: this.type() });
      case "T":
        if (isElaboration(this.peek(1))) return this.candidate(this.classOrEnumType());
        return this.templateParameterType();
      case "P":
        this.at++;
        return this.candidate(pointerTo(this.type()));
      case "R":
        this.at++;
        return this.candidate({ kind: "reference", pointee: this.type(), isRvalue: false });
      case "O":
        this.at++;
        return this.candidate({ kind: "reference", pointee: this.type(), isRvalue: true });
      case "C":
        this.at++;
        return this.candidate(phrase([this.type(), " complex"]));
      case "G":
        this.at++;
        return this.candidate(phrase([this.type(), " imaginary"]));
      case "S":
        return this.peek(1) === "t" ? this.candidate(this.classOrEnumType()) : this.substitutedType();
      default:
        return this.candidate(this.classOrEnumType());
    }
  }

  private candidate(type: Node): Node {
    this.substitutions.push(type);
    return type;
  }

  /** <type> ::= <substitution> | <template-template-param> <template-args>, or a name in a substituted module. */
  private substitutedType(): Node {
    const known = this.substitution();
    if (isModule(known)) {
      const entity = this.unqualifiedName(null, null, known);
      if (this.peek() === "I") return this.candidate(this.specialization(this.candidate(entity), null));
      return this.candidate(entity);
    }
    const type = this.withTypeArguments(known);
    return type === known ? known : this.candidate(type);
  }

  /** <type> ::= <template-param> | <template-template-param> <template-args>; both parts are candidates. */
  private templateParameterType(): Node {
    const parameter = this.candidate(this.templateParameter());
    const type = this.withTypeArguments(parameter);
    return type === parameter ? parameter : this.candidate(type);
  }

  private withTypeArguments(template: Node): Node {
    return this.allowsTypeArguments && this.peek() === "I" ? this.specialization(template, null) : template;
  }

  private typeWithD(): Node {
    const letter = this.peek(1) ?? "";
    if (FUNCTION_PREFIXES.includes(letter)) return this.candidate(this.functionType());
    if (letter === "t" || letter === "T") return this.candidate(this.decltype());
    this.at += 2;
    switch (letter) {
      case "F":
        return this.binaryFloat();
      case "B":
      case "U":
        return this.bitInteger(letter === "B" ? "_BitInt" : "unsigned _BitInt");
      case "k":
        return phrase([this.name(null), " auto"]);
      case "K":
        return phrase([this.name(null), " decltype(auto)"]);
      case "v":
        return this.candidate(this.vectorType());
      case "p":
        return this.candidate({ kind: "expansion", pattern: this.type() });
      default:
        return BUILTIN_D_TYPES[letter] ?? fail();
    }
  }

  /** DF <number> _ | DF <number> x | DF 16 b */
  private binaryFloat(): Node {
    const bits = this.digits();
    if (this.eat("b")) return bits === "16" ? "std::bfloat16_t" : fail();
    const suffix = this.eat("x") ? "x" : "";
    if (suffix === "") this.expect("_");
    return `_Float${bits}${suffix}`;
  }

  /** DB (<number> | <expression>) _ */
  private bitInteger(kind: string): Node {
    const size = this.nextIsDigit() ? this.digits() : this.expression();
    this.expect("_");
    return phrase([kind, group("(", size)]);
  }

  /** <qualified-type> ::= (U <source-name> [<template-args>])* <CV-qualifiers> <type> */
  private qualifiedType(): Node {
    this.enter();
    if (!this.eat("U")) {
      const qualifiers = this.cvQualifiers();
      const type = this.type();
      return this.leave(qualifiers === "" ? type : { kind: "qualified", type, qualifiers });
    }
    const qualifier = this.identifier();
    const protocol = objectiveCProtocol(qualifier);
    const parts: Node[] = protocol === "" ? [" ", qualifier] : ["<", protocol, ">"];
    if (protocol === "" && this.eat("I")) parts.push(this.templateArguments(false));
    return this.leave(phrase([this.qualifiedType(), ...parts]));
  }

  /** u <source-name> [I <type> E] : a vendor's type, or a vendor's transformation of a type. */
  private vendorType(): Node {
    const identifier = this.identifier();
    if (!this.eat("I")) return identifier;
    const argument = this.type();
    this.expect("E");
    return phrase([identifier, "(", argument, ")"]);
  }

  private isQualifiedFunction(): boolean {
    let ahead = 0;
    for (const qualifier of "rVK") if (this.peek(ahead) === qualifier) ahead++;
    if (this.peek(ahead) === "F") return true;
    return this.peek(ahead) === "D" && FUNCTION_PREFIXES.includes(this.peek(ahead + 1) ?? " ");
  }

  /** <function-type> ::= [<CV-qualifiers>] [<exception-spec>] [Dx] F [Y] <type>+ [R | O] E */
  private functionType(): Node {
    const qualifiers = this.cvQualifiers();
    const exceptions = this.exceptionSpecification();
    this.eat("Dx");
    this.expect("F");
    this.eat("Y");
    const result = this.type();
    const parameters: Node[] = [];
    let reference = "";
    while (!this.eat("E")) {
      if (this.eat("v")) continue;
      if (this.eat("RE")) {
        reference = " &";
        break;
      }
      if (this.eat("OE")) {
        reference = " &&";
        break;
      }
      parameters.push(this.type());
    }
    const tail = exceptions === "" ? qualifiers + reference : phrase([qualifiers, reference, exceptions]);
    return { kind: "function", result, parameters: parenthesized(parameters), tail };
  }

  /** <exception-spec> ::= Do | DO <expression> E | Dw <type>+ E */
  private exceptionSpecification(): Node {
    if (this.eat("Do")) return " noexcept";
    if (this.eat("Dw")) return phrase([" throw", parenthesized(this.untilEnd(this.type))]);
    if (!this.eat("DO")) return "";
    const condition = this.expression();
    this.expect("E");
    return phrase([" noexcept", group("(", condition)]);
  }

  /** <vector-type> ::= Dv [<number> | <expression>] _ (<type> | p) */
  private vectorType(): Node {
    const dimension = this.dimension();
    if (this.eat("p")) return phrase(["pixel vector[", dimension, "]"]);
    return phrase([this.type(), " vector[", dimension, "]"]);
  }

  /** <array-type> ::= A [<number> | <expression>] _ <type> */
  private arrayType(): Node {
    const dimension = this.dimension();
    return { kind: "array", element: this.type(), dimension };
  }

  private dimension(): Node {
    if (this.eat("_")) return "";
    const dimension = this.nextIsDigit() ? this.digits() : this.expression();
    this.expect("_");
    return dimension;
  }

  /** <class-enum-type> ::= [Ts | Tu | Te] <name> */
  private classOrEnumType(): Node {
    if (this.eat("Ts")) return phrase(["struct ", this.name(null)]);
    if (this.eat("Tu")) return phrase(["union ", this.name(null)]);
    if (this.eat("Te")) return phrase(["enum ", this.name(null)]);
    return this.name(null);
  }

  /** <decltype> ::= Dt <expression> E | DT <expression> E */
  protected decltype(): Node {
    this.at += 2;
    const expression = this.expression();
    this.expect("E");
    return phrase(["decltype", group("(", expression)]);
  }
}

function isElaboration(letter: string | undefined): boolean {
  return letter === "s" || letter === "u" || letter === "e";
}

/** Objective-C writes `id<Protocol>` for a pointer to `objc_object<Protocol>`. */
function pointerTo(pointee: Node): Node {
  if (typeof pointee !== "string" && pointee.kind === "phrase") {
    const [type, open, protocol, close] = pointee.parts;
    if (type === "objc_object" && open === "<") return phrase(["id<", protocol, close]);
  }
  return { kind: "pointer", pointee };
}

/** The protocol in a qualifier such as `objcproto9NSCopying`, "" in any other. */
function objectiveCProtocol(qualifier: string): string {
  const match = /^objcproto(\d+)(.*)$/.exec(qualifier);
  return match === null ? "" : match[2].slice(0, Number(match[1]));
}
