/**
 * Names: Itanium C++ ABI 5.1.2 "General", 5.1.4 (special members, unnamed types), 5.1.7 "Scope encoding",
 * 5.1.10 "Compression".
 */

import { fail } from "../limits.ts";
import { Grammar, type NameTraits } from "./grammar.ts";
import { baseName, group, isModule, list, type Name, type Node, name, phrase } from "./node.ts";
import { operatorOf } from "./operators.ts";

/** The standard library's abbreviations: `<char…>` is `expansion`, which stands only where a constructor is named. */
const ABBREVIATIONS: Readonly<Record<string, { short: string; base: string; expansion: string }>> = {
  a: { short: "allocator", base: "allocator", expansion: "" },
  b: { short: "basic_string", base: "basic_string", expansion: "" },
  s: { short: "string", base: "basic_string", expansion: "<char, std::char_traits<char>, std::allocator<char>>" },
  i: { short: "istream", base: "basic_istream", expansion: "<char, std::char_traits<char>>" },
  o: { short: "ostream", base: "basic_ostream", expansion: "<char, std::char_traits<char>>" },
  d: { short: "iostream", base: "basic_iostream", expansion: "<char, std::char_traits<char>>" },
};

export abstract class NameGrammar extends Grammar {
  /**
   * <name> ::= <nested-name> | <local-name> | <unscoped-name> | <unscoped-template-name> <template-args>
   *
   * @param traits filled in for the name of an encoding; null for every other name.
   */
  protected name(traits: NameTraits | null): Node {
    this.enter();
    return this.leave(this.anyName(traits));
  }

  private anyName(traits: NameTraits | null): Node {
    if (this.eat("N")) return this.nestedName(traits);
    if (this.eat("Z")) return this.localName(traits);
    const known = this.peek() === "S" && this.peek(1) !== "t" ? this.substitution() : null;
    // A substitution alone is not a name: it is a template's, and its arguments follow.
    if (known !== null && !isModule(known)) return this.specialization(known, traits);
    const unscoped = known === null ? this.unscopedName(traits) : this.unqualifiedName(traits, null, known);
    if (this.peek() !== "I") return unscoped;
    this.substitutions.push(unscoped);
    return this.specialization(unscoped, traits);
  }

  /** `template` with the <template-args> that must follow. */
  protected specialization(template: Node, traits: NameTraits | null): Name {
    this.expect("I");
    const templateArguments = this.templateArguments(traits !== null);
    if (traits !== null) traits.endsWithTemplateArguments = true;
    return name([template, templateArguments], baseName(template), "specialization");
  }

  /** <unscoped-name> ::= [St] <unqualified-name> */
  private unscopedName(traits: NameTraits | null): Node {
    const scope = this.eat("St") ? "std" : null;
    return this.unqualifiedName(traits, scope, this.peek() === "S" ? this.moduleSubstitution() : null);
  }

  private moduleSubstitution(): Name {
    const known = this.substitution();
    return isModule(known) ? known : fail();
  }

  /** <nested-name> ::= N [<CV-qualifiers>] [<ref-qualifier>] <prefix> <unqualified-name> [<template-args>] E */
  private nestedName(traits: NameTraits | null): Node {
    const hasExplicitObject = this.eat("H");
    const qualifiers = hasExplicitObject ? "" : this.cvQualifiers() + this.referenceQualifier();
    if (traits !== null) {
      traits.hasExplicitObject = hasExplicitObject;
      traits.qualifiers = qualifiers;
    }
    let prefix: Node | null = null;
    while (!this.eat("E")) {
      if (traits !== null) traits.endsWithTemplateArguments = false;
      const next = this.peek();
      let module: Name | null = null;
      if (next === "S") {
        const known: Node = this.eat("St") ? "std" : this.substitution();
        if (!isModule(known)) {
          if (prefix !== null) fail();
          prefix = known;
          continue;
        }
        module = known;
      }
      if (next === "I") {
        if (prefix === null || isSpecialization(prefix)) fail();
        prefix = this.specialization(prefix, traits);
      } else if (next === "T") {
        if (prefix !== null) fail();
        prefix = this.templateParameter();
      } else if (next === "D" && (this.peek(1) === "t" || this.peek(1) === "T")) {
        if (prefix !== null) fail();
        prefix = this.decltype();
      } else {
        prefix = this.unqualifiedName(traits, prefix, module);
      }
      this.substitutions.push(prefix);
      // <data-member-prefix>, in names of old compilers.
      this.eat("M");
    }
    if (prefix === null) fail();
    // Every prefix can be substituted, but the whole nested name only as a type, and `type` sees to that.
    this.substitutions.pop();
    return prefix;
  }

  private referenceQualifier(): string {
    if (this.eat("R")) return " &";
    return this.eat("O") ? " &&" : "";
  }

  /**
   * <local-name> ::= Z <encoding> E <entity name> [<discriminator>]
   *              ::= Z <encoding> E s [<discriminator>]
   *              ::= Z <encoding> E d [<parameter number>] _ <entity name>
   */
  private localName(traits: NameTraits | null): Node {
    const scope = this.encoding();
    this.expect("E");
    if (this.eat("s")) {
      this.discriminator();
      return phrase([scope, "::string literal"]);
    }
    // The template parameters of the function are not those of the entity inside it.
    const outer = this.templateParameters;
    this.templateParameters = [];
    const isInDefaultArgument = this.eat("d");
    if (isInDefaultArgument) {
      this.signedNumber();
      this.expect("_");
    }
    const entity = this.name(traits);
    if (!isInDefaultArgument) this.discriminator();
    this.templateParameters = outer;
    return phrase([scope, "::", entity]);
  }

  /** <discriminator> ::= _ <digit> | __ <number> _ ; old compilers wrote plain digits at the end of the name. */
  private discriminator(): void {
    const start = this.at;
    if (this.eat("__")) {
      this.digits();
      if (!this.eat("_")) this.at = start;
    } else if (this.eat("_")) {
      if (this.nextIsDigit()) this.at++;
      else this.at = start;
    } else {
      this.digits();
      if (!this.atEnd) this.at = start;
    }
  }

  /**
   * <unqualified-name> ::= [<module-name>] [F] [L] (<source-name> | <operator-name> | <ctor-dtor-name>
   *                        | <unnamed-type-name> | DC <source-name>+ E) <abi-tag>*
   */
  protected unqualifiedName(traits: NameTraits | null, scope: Node | null, substitutedModule: Name | null): Node {
    const module = this.moduleName(substitutedModule);
    const isFriend = scope !== null && this.eat("F");
    this.eat("L");
    const next = this.peek();
    let outer = scope;
    let simple: Node;
    if (this.nextIsDigit()) {
      simple = this.sourceName();
    } else if (next === "U") {
      simple = this.unnamedTypeName(traits);
    } else if (this.eat("DC")) {
      simple = group("[", list(this.untilEnd(this.sourceName)));
    } else if (next === "C" || next === "D") {
      if (outer === null || module !== null) fail();
      outer = expandAbbreviation(outer);
      simple = this.constructorOrDestructor(baseName(outer), traits);
    } else {
      simple = this.operatorName(traits);
    }
    const base = baseName(simple);
    if (module !== null) simple = name([simple, "@", module], base);
    simple = this.abiTags(simple);
    return outer === null ? simple : name([outer, isFriend ? "::friend " : "::", simple], base);
  }

  /** <module-name> ::= (W [P] <source-name>)+ , behind an optional substitution. */
  protected moduleName(known: Name | null): Name | null {
    let module = known;
    while (this.eat("W")) {
      const separator = this.eat("P") ? ":" : module === null ? "" : ".";
      const part = this.sourceName();
      module = name(module === null ? [separator, part] : [module, separator, part], "", "module");
      this.substitutions.push(module);
    }
    return module;
  }

  /** <abi-tags> ::= (B <source-name>)* */
  private abiTags(tagged: Node): Node {
    let result = tagged;
    while (this.eat("B")) result = name([result, "[abi:", this.identifier(), "]"], baseName(tagged));
    return result;
  }

  /** <ctor-dtor-name> ::= C [I] <1-5> [<base class type>] | D <0-5> */
  private constructorOrDestructor(className: string, traits: NameTraits | null): Node {
    if (traits !== null) traits.hasNoReturnType = true;
    const isDestructor = this.eat("D");
    const isInherited = !isDestructor && this.eat("CI");
    if (!isDestructor && !isInherited) this.expect("C");
    const variant = this.peek();
    const isKnown = isDestructor ? isOneOf(variant, "01245") : isOneOf(variant, "12345");
    if (!isKnown) fail();
    this.at++;
    if (isInherited) this.name(traits);
    return name([isDestructor ? "~" : "", className], "");
  }

  /** <unnamed-type-name> ::= Ut [<number>] _ | Ul <lambda-sig> E [<number>] _ ; clang's blocks: Ub [<number>] _ */
  private unnamedTypeName(traits: NameTraits | null): Node {
    // `T_` inside refers to the innermost template arguments.
    if (traits !== null) this.templateParameters.length = 0;
    if (this.eat("Ul")) {
      const { declarator, count } = this.closure();
      return phrase([`'lambda${count}'`, declarator]);
    }
    const isBlock = this.eat("Ub");
    if (!isBlock) this.expect("Ut");
    const count = this.digits();
    this.expect("_");
    return isBlock ? "'block-literal'" : phrase([`'unnamed${count}'`]);
  }

  /** <operator-name> ::= two letters | cv <type> | li <source-name> | v <digit> <source-name> */
  protected operatorName(traits: NameTraits | null): Node {
    if (this.eat("li")) return phrase(['operator"" ', this.sourceName()]);
    const operator = operatorOf(this.input.substr(this.at, 2));
    if (operator === undefined) {
      this.expect("v");
      if (!this.nextIsDigit()) fail();
      this.at++;
      return phrase(["operator ", this.sourceName()]);
    }
    this.at += 2;
    if (operator.form !== "cast") return operator.functionName === "" ? fail() : operator.functionName;
    // The arguments of a conversion operator template follow its name, so `T_` in the type refers forward.
    const allowedForward = this.allowsForwardReferences;
    this.allowsForwardReferences ||= traits !== null;
    const target = this.conversionTarget();
    this.allowsForwardReferences = allowedForward;
    if (traits !== null) traits.hasNoReturnType = true;
    return phrase(["operator ", target]);
  }

  /** The <type> of `cv`, whose template arguments are not its own. */
  protected conversionTarget(): Node {
    const allowed = this.allowsTypeArguments;
    this.allowsTypeArguments = false;
    const target = this.type();
    this.allowsTypeArguments = allowed;
    return target;
  }

  /** <substitution> ::= S [<seq-id>] _ | Sa | Sb | Ss | Si | So | Sd (St is read by its callers) */
  protected substitution(): Node {
    this.expect("S");
    const abbreviation = ABBREVIATIONS[this.peek() ?? ""];
    if (abbreviation === undefined) return this.substitutions[this.sequenceNumber()] ?? fail();
    this.at++;
    const standard = name(["std::", abbreviation.short], abbreviation.short, "abbreviation");
    const tagged = this.abiTags(standard);
    // 5.1.2: with tags of its own, even an abbreviation can be substituted.
    if (tagged !== standard) this.substitutions.push(tagged);
    return tagged;
  }

  /** <template-param> ::= T [<number>] _ | TL <number> _ [<number>] _ */
  protected templateParameter(): Node {
    const start = this.at;
    this.expect("T");
    const level = this.eat("L") ? this.parameterNumber() : 0;
    const index = this.parameterNumber();
    // In a constraint, parameters of every enclosing level can appear; not all are known here, so they keep their code.
    if (this.isInConstraint) return this.input.slice(start, this.at - 1);
    if (this.allowsForwardReferences && level === 0) {
      const reference = { kind: "forward", index, target: "" } as const;
      this.forwardReferences.push(reference);
      return reference;
    }
    return this.templateParameters[level]?.[index] ?? this.genericLambdaParameter(level);
  }

  /** `auto` in a lambda's parameters, which is mangled as a template parameter without a declaration (5.1.8). */
  protected abstract genericLambdaParameter(level: number): Node;
}

function isSpecialization(node: Node): boolean {
  return typeof node !== "string" && node.kind === "name" && node.form === "specialization";
}

function isOneOf(character: string | undefined, set: string): boolean {
  return character !== undefined && set.includes(character);
}

/** std::string in full, so that its constructor has a name: `std::basic_string<char, …>::basic_string`. */
function expandAbbreviation(node: Node): Node {
  if (typeof node === "string" || node.kind !== "name" || node.form !== "abbreviation") return node;
  for (const { short, base, expansion } of Object.values(ABBREVIATIONS)) {
    if (short === node.base) return name(["std::", base, expansion], base);
  }
  return node;
}
