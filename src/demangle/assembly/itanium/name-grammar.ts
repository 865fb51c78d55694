/**
 * Names: Itanium C++ ABI 5.1.2 "General", 5.1.4 (special members, unnamed types), 5.1.7 "Scope encoding",
 * 5.1.10 "Compression".
 */

import { fail } from "../failure.ts";
import { indexIn, isOneOf, LETTER_C, LETTER_D, LETTER_I, LETTER_S, LETTER_T, LETTER_U, SMALL_T } from "../letters.ts";
import { Grammar, NameTraits } from "./grammar.ts";
import {
  ABBREVIATION,
  ForwardReference,
  inBrackets,
  isModule,
  isSpecialization,
  list,
  MODULE,
  Name,
  Node,
  name,
  phrase,
  SPECIALIZATION,
} from "./node.ts";
import * as kind from "./node-kinds.ts";
import * as form from "./operator-forms.ts";
import { operatorAt } from "./operators.ts";
import { compound, Excerpt, isText, literal } from "./text.ts";

/** The standard library's abbreviations, by letter. */
const ABBREVIATIONS = "absiod";
const SHORT_NAMES: StaticArray<string> = ["allocator", "basic_string", "string", "istream", "ostream", "iostream"];
/** What stands only where a constructor is named: the name of the template, and its arguments. */
const BASE_NAMES: StaticArray<string> = [
  "allocator",
  "basic_string",
  "basic_string",
  "basic_istream",
  "basic_ostream",
  "basic_iostream",
];
const EXPANSIONS: StaticArray<string> = [
  "",
  "",
  "<char, std::char_traits<char>, std::allocator<char>>",
  "<char, std::char_traits<char>>",
  "<char, std::char_traits<char>>",
  "<char, std::char_traits<char>>",
];

class Abbreviation extends Name {
  constructor(
    parts: StaticArray<Node>,
    base: Node,
    readonly which: i32,
  ) {
    super(parts, base, ABBREVIATION);
  }
}

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
    const known = this.peek() === LETTER_S && this.peek(1) !== SMALL_T ? this.substitution() : null;
    // A substitution alone is not a name: it is a template's, and its arguments follow.
    if (known !== null && !isModule(known)) return this.specialization(known, traits);
    const unscoped = known === null ? this.unscopedName(traits) : this.unqualifiedName(traits, null, known);
    if (this.peek() !== LETTER_I) return unscoped;
    this.substitutions.push(unscoped);
    return this.specialization(unscoped, traits);
  }

  /** `template` with the <template-args> that must follow. */
  protected specialization(template: Node, traits: NameTraits | null): Node {
    this.expect("I");
    const templateArguments = this.templateArguments(traits !== null);
    if (traits !== null) traits.endsWithTemplateArguments = true;
    return name([template, templateArguments], baseName(template), SPECIALIZATION);
  }

  /** `template` with <template-args> if they follow. */
  protected maybeSpecialization(template: Node): Node {
    return this.peek() === LETTER_I ? this.specialization(template, null) : template;
  }

  /** <unscoped-name> ::= [St] <unqualified-name> */
  private unscopedName(traits: NameTraits | null): Node {
    const scope = this.eat("St") ? literal("std") : null;
    return this.unqualifiedName(traits, scope, this.peek() === LETTER_S ? this.moduleSubstitution() : null);
  }

  private moduleSubstitution(): Node {
    const known = this.substitution();
    if (!isModule(known)) fail();
    return known;
  }

  /** <nested-name> ::= N [<CV-qualifiers>] [<ref-qualifier>] <prefix> <unqualified-name> [<template-args>] E */
  private nestedName(traits: NameTraits | null): Node {
    const hasExplicitObject = this.eat("H");
    const qualifiers = hasExplicitObject ? "" : this.cvQualifiers();
    const referenceQualifier = hasExplicitObject ? "" : this.referenceQualifier();
    if (traits !== null) {
      traits.hasExplicitObject = hasExplicitObject;
      traits.qualifiers = qualifiers;
      traits.referenceQualifier = referenceQualifier;
    }
    let prefix: Node | null = null;
    while (!this.eat("E")) {
      if (traits !== null) traits.endsWithTemplateArguments = false;
      const next = this.peek();
      let module: Node | null = null;
      if (next === LETTER_S) {
        const known = this.eat("St") ? literal("std") : this.substitution();
        if (!isModule(known)) {
          if (prefix !== null) fail();
          prefix = known;
          continue;
        }
        module = known;
      }
      if (next === LETTER_I) {
        if (prefix === null || isSpecialization(prefix)) fail();
        prefix = this.specialization(prefix!, traits);
      } else if (next === LETTER_T) {
        if (prefix !== null) fail();
        prefix = this.templateParameter();
      } else if (module === null && this.isDecltype()) {
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
    if (this.substitutions.length > 0) this.substitutions.pop();
    return prefix!;
  }

  private referenceQualifier(): string {
    if (this.eat("R")) return " &";
    return this.eat("O") ? " &&" : "";
  }

  protected isDecltype(): bool {
    return this.peek() === LETTER_D && (this.peek(1) === SMALL_T || this.peek(1) === LETTER_T);
  }

  /**
   * <local-name> ::= Z <encoding> E <entity name> [<discriminator>]
   *              ::= Z <encoding> E s [<discriminator>]
   *              ::= Z <encoding> E d [<parameter number>] _ <entity name>
   */
  private localName(traits: NameTraits | null): Node {
    const scope = this.encoding(true);
    this.expect("E");
    if (this.eat("s")) {
      this.discriminator();
      return phrase([scope, literal("::string literal")]);
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
    return phrase([scope, literal("::"), entity]);
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
  protected unqualifiedName(traits: NameTraits | null, scope: Node | null, substitutedModule: Node | null): Node {
    const module = this.moduleName(substitutedModule);
    const isFriend = scope !== null && this.eat("F");
    this.eat("L");
    const next = this.peek();
    let outer = scope;
    let simple: Node;
    if (this.nextIsDigit()) {
      simple = this.sourceName();
    } else if (next === LETTER_U) {
      simple = this.unnamedTypeName(traits);
    } else if (this.eat("DC")) {
      simple = this.structuredBinding();
    } else if (next === LETTER_C || next === LETTER_D) {
      if (outer === null || module !== null) fail();
      outer = expandAbbreviation(outer!);
      simple = this.constructorOrDestructor(baseName(outer), traits);
    } else {
      simple = this.operatorName(traits);
    }
    const base = baseName(simple);
    if (module !== null) simple = name([simple, literal("@"), module], base);
    simple = this.abiTags(simple);
    return outer === null ? simple : name([outer, literal(isFriend ? "::friend " : "::"), simple], base);
  }

  /** <module-name> ::= (W [P] <source-name>)+ , behind an optional substitution. */
  protected moduleName(known: Node | null): Node | null {
    let module = known;
    while (this.eat("W")) {
      const separator = this.eat("P") ? ":" : module === null ? "" : ".";
      const part = this.sourceName();
      const outer = module === null ? literal("") : module;
      const inner = name([outer, literal(separator), part], literal(""), MODULE);
      this.substitutions.push(inner);
      module = inner;
    }
    return module;
  }

  /** <source-name>+ E , from behind `DC` on. */
  private structuredBinding(): Node {
    const names: Node[] = [];
    while (!this.eat("E")) names.push(this.sourceName());
    return inBrackets(list(names));
  }

  /** <abi-tags> ::= (B <source-name>)* */
  private abiTags(tagged: Node): Node {
    let result = tagged;
    while (this.eat("B")) {
      result = name([result, literal("[abi:"), this.identifier(), literal("]")], baseName(tagged));
    }
    return result;
  }

  /** <ctor-dtor-name> ::= C [I] <1-5> [<base class type>] | D <0-5> */
  private constructorOrDestructor(className: Node, traits: NameTraits | null): Node {
    if (traits !== null) traits.hasNoReturnType = true;
    const isDestructor = this.eat("D");
    const isInherited = !isDestructor && this.eat("CI");
    if (!isDestructor && !isInherited) this.expect("C");
    if (!isOneOf(isDestructor ? "01245" : "12345", this.peek())) fail();
    this.at++;
    if (isInherited) this.name(traits);
    return name([literal(isDestructor ? "~" : ""), className], literal(""));
  }

  /** <unnamed-type-name> ::= Ut [<number>] _ | Ul <lambda-sig> E [<number>] _ ; clang's blocks: Ub [<number>] _ */
  private unnamedTypeName(traits: NameTraits | null): Node {
    // `T_` inside refers to the innermost template arguments.
    if (traits !== null) this.templateParameters.length = 0;
    if (this.eat("Ul")) {
      const closure = this.closure();
      return phrase([literal("'lambda"), closure.count, literal("'"), closure.declarator]);
    }
    const isBlock = this.eat("Ub");
    if (!isBlock) this.expect("Ut");
    const count = this.digits();
    this.expect("_");
    return isBlock ? literal("'block-literal'") : phrase([literal("'unnamed"), count, literal("'")]);
  }

  /** <operator-name> ::= two letters | cv <type> | li <source-name> | v <digit> <source-name> */
  protected operatorName(traits: NameTraits | null): Node {
    if (this.eat("li")) return phrase([literal('operator"" '), this.sourceName()]);
    const operator = operatorAt(this.at);
    if (operator === null) {
      this.expect("v");
      if (!this.nextIsDigit()) fail();
      this.at++;
      return phrase([literal("operator "), this.sourceName()]);
    }
    this.at += 2;
    if (operator.form !== form.CAST) {
      if (!operator.isNameable) fail();
      return compound([literal(operator.isWord ? "operator " : "operator"), literal(operator.symbol)]);
    }
    // The arguments of a conversion operator template follow its name, so `T_` in the type refers forward.
    const allowedForward = this.allowsForwardReferences;
    if (traits !== null) this.allowsForwardReferences = true;
    const target = this.conversionTarget();
    this.allowsForwardReferences = allowedForward;
    if (traits !== null) traits.hasNoReturnType = true;
    return phrase([literal("operator "), target]);
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
    const abbreviation = indexIn(ABBREVIATIONS, this.peek());
    if (abbreviation < 0) {
      const index = this.sequenceNumber();
      if (index >= <u32>this.substitutions.length) fail();
      return unchecked(this.substitutions[index]);
    }
    this.at++;
    const short = literal(unchecked(SHORT_NAMES[abbreviation]));
    const standard = new Abbreviation([literal("std::"), short], short, abbreviation);
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
    if (this.isInConstraint) return new Excerpt(start, this.at - 1 - start);
    if (this.allowsForwardReferences && level === 0) {
      const reference = new ForwardReference(index);
      this.forwardReferences.push(reference);
      return reference;
    }
    const known = this.templateArgumentOf(level, index);
    return known === null ? this.genericLambdaParameter(level) : known;
  }

  /** What a template parameter stands for; null if there is no such parameter. */
  protected templateArgumentOf(level: u32, index: u32): Node | null {
    if (level >= <u32>this.templateParameters.length) return null;
    const parameters = unchecked(this.templateParameters[level]);
    return index < <u32>parameters.length ? unchecked(parameters[index]) : null;
  }

  /** `auto` in a lambda's parameters, which is mangled as a template parameter without a declaration (5.1.8). */
  protected abstract genericLambdaParameter(level: u32): Node;
}

/** What constructors of the class `node` are called, "" when it has no name. */
function baseName(node: Node): Node {
  if (isText(node)) return node;
  return node.kind === kind.NAME ? changetype<Name>(node).base : literal("");
}

/** std::string in full, so that its constructor has a name: `std::basic_string<char, …>::basic_string`. */
function expandAbbreviation(node: Node): Node {
  if (node.kind !== kind.NAME || changetype<Name>(node).form !== ABBREVIATION) return node;
  const which = changetype<Abbreviation>(node).which;
  const base = literal(unchecked(BASE_NAMES[which]));
  return name([literal("std::"), base, literal(unchecked(EXPANSIONS[which]))], base);
}
