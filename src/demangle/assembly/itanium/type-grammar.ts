/**
 * Types: Itanium C++ ABI 5.1.5.
 *
 * Whatever is parsed here and is neither built in nor itself a substitution becomes a substitution candidate.
 */

import { fail } from "../failure.ts";
import {
  DIGIT_0,
  isDigit,
  isOneOf,
  LETTER_A,
  LETTER_B,
  LETTER_C,
  LETTER_D,
  LETTER_F,
  LETTER_G,
  LETTER_I,
  LETTER_K,
  LETTER_M,
  LETTER_O,
  LETTER_P,
  LETTER_R,
  LETTER_S,
  LETTER_T,
  LETTER_U,
  LETTER_V,
  SMALL_K,
  SMALL_P,
  SMALL_R,
  SMALL_T,
  SMALL_U,
  SMALL_V,
} from "../letters.ts";
import { builtinDType, builtinType } from "./builtin-types.ts";
import { NameGrammar } from "./name-grammar.ts";
import {
  ArrayType,
  Expansion,
  FunctionType,
  inParentheses,
  isModule,
  MemberPointer,
  Node,
  Phrase,
  Pointer,
  parenthesized,
  phrase,
  Qualified,
  Reference,
} from "./node.ts";
import { PRIMARY } from "./precedence.ts";
import { compound, Excerpt, isExcerpt, literal } from "./text.ts";

/** Types whose code is a `D` and a letter after which a function type follows. */
const FUNCTION_PREFIXES = "oOwx";

/** Letters behind the `T` of a type that is written with `struct`, `union` or `enum`. */
const ELABORATIONS = "sue";

/** `type<protocol>`, of Objective-C. It is a phrase, which pointers to it have to know again. */
class ProtocolType extends Phrase {
  constructor(
    readonly type: Node,
    readonly protocol: Node,
  ) {
    super([type, literal("<"), protocol, literal(">")], PRIMARY);
  }
}

export abstract class TypeGrammar extends NameGrammar {
  /** <type> */
  type(): Node {
    const builtin = builtinType(this.peek());
    if (builtin.length > 0) {
      this.at++;
      return literal(builtin);
    }
    this.enter();
    return this.leave(this.compoundType());
  }

  private compoundType(): Node {
    switch (this.peek()) {
      case SMALL_R:
      case LETTER_V:
      case LETTER_K:
        return this.candidate(this.isQualifiedFunction() ? this.functionType() : this.qualifiedType());
      case LETTER_U:
        return this.candidate(this.qualifiedType());
      case SMALL_U:
        this.at++;
        return this.candidate(this.vendorType());
      case LETTER_D:
        return this.typeWithD();
      case LETTER_F:
        return this.candidate(this.functionType());
      case LETTER_A:
        this.at++;
        return this.candidate(this.arrayType());
      case LETTER_M:
        this.at++;
        return this.candidate(new MemberPointer(this.type(), this.type()));
      case LETTER_T:
        if (isOneOf(ELABORATIONS, this.peek(1))) return this.candidate(this.classOrEnumType());
        return this.templateParameterType();
      case LETTER_P:
        this.at++;
        return this.candidate(pointerTo(this.type()));
      case LETTER_R:
        this.at++;
        return this.candidate(new Reference(this.type(), false));
      case LETTER_O:
        this.at++;
        return this.candidate(new Reference(this.type(), true));
      case LETTER_C:
        this.at++;
        return this.candidate(phrase([this.type(), literal(" complex")]));
      case LETTER_G:
        this.at++;
        return this.candidate(phrase([this.type(), literal(" imaginary")]));
      case LETTER_S:
        return this.peek(1) === SMALL_T ? this.candidate(this.classOrEnumType()) : this.substitutedType();
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
      const entity = this.candidate(this.unqualifiedName(null, null, known));
      return this.peek() === LETTER_I ? this.candidate(this.specialization(entity, null)) : entity;
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
    return this.allowsTypeArguments ? this.maybeSpecialization(template) : template;
  }

  private typeWithD(): Node {
    const letter = this.peek(1);
    if (isOneOf(FUNCTION_PREFIXES, letter)) return this.candidate(this.functionType());
    if (this.isDecltype()) return this.candidate(this.decltype());
    this.at += 2;
    switch (letter) {
      case LETTER_F:
        return this.binaryFloat();
      case LETTER_B:
        return this.bitInteger("_BitInt");
      case LETTER_U:
        return this.bitInteger("unsigned _BitInt");
      case SMALL_K:
        return phrase([this.name(null), literal(" auto")]);
      case LETTER_K:
        return phrase([this.name(null), literal(" decltype(auto)")]);
      case SMALL_V:
        return this.candidate(this.vectorType());
      case SMALL_P:
        return this.candidate(new Expansion(this.type()));
      default: {
        const builtin = builtinDType(letter);
        if (builtin.length === 0) fail();
        return literal(builtin);
      }
    }
  }

  /** DF <number> _ | DF <number> x | DF 16 b */
  private binaryFloat(): Node {
    const bits = this.digits();
    if (this.eat("b")) {
      if (!bits.is("16")) fail();
      return literal("std::bfloat16_t");
    }
    const suffix = this.eat("x") ? "x" : "";
    if (suffix.length === 0) this.expect("_");
    return compound([literal("_Float"), bits, literal(suffix)]);
  }

  /** DB (<number> | <expression>) _ */
  private bitInteger(name: string): Node {
    const size = this.size();
    return phrase([literal(name), inParentheses(size)]);
  }

  /** (<number> | <expression>) _ */
  private size(): Node {
    const size = this.nextIsDigit() ? this.digits() : this.expression();
    this.expect("_");
    return size;
  }

  /** <qualified-type> ::= (U <source-name> [<template-args>])* <CV-qualifiers> <type> */
  private qualifiedType(): Node {
    this.enter();
    if (!this.eat("U")) {
      const qualifiers = this.cvQualifiers();
      const type = this.type();
      return this.leave(qualifiers.length === 0 ? type : new Qualified(type, qualifiers));
    }
    const qualifier = this.identifier();
    const protocol = objectiveCProtocol(qualifier);
    if (protocol !== null) return this.leave(new ProtocolType(this.qualifiedType(), protocol));
    const templateArguments = this.eat("I") ? this.templateArguments(false) : literal("");
    return this.leave(phrase([this.qualifiedType(), literal(" "), qualifier, templateArguments]));
  }

  /** u <source-name> [I <type> E] : a vendor's type, or a vendor's transformation of a type. */
  private vendorType(): Node {
    const identifier = this.identifier();
    if (!this.eat("I")) return identifier;
    const argument = this.type();
    this.expect("E");
    return phrase([identifier, literal("("), argument, literal(")")]);
  }

  private isQualifiedFunction(): bool {
    let ahead: u32 = 0;
    if (this.peek(ahead) === SMALL_R) ahead++;
    if (this.peek(ahead) === LETTER_V) ahead++;
    if (this.peek(ahead) === LETTER_K) ahead++;
    if (this.peek(ahead) === LETTER_F) return true;
    return this.peek(ahead) === LETTER_D && isOneOf(FUNCTION_PREFIXES, this.peek(ahead + 1));
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
    const tail =
      exceptions === null
        ? compound([literal(qualifiers), literal(reference)])
        : phrase([literal(qualifiers), literal(reference), exceptions]);
    return new FunctionType(result, parenthesized(parameters), tail);
  }

  /** <exception-spec> ::= Do | DO <expression> E | Dw <type>+ E ; null if there is none. */
  private exceptionSpecification(): Node | null {
    if (this.eat("Do")) return literal(" noexcept");
    if (this.eat("Dw")) return phrase([literal(" throw"), parenthesized(this.typesToEnd())]);
    if (!this.eat("DO")) return null;
    const condition = this.expression();
    this.expect("E");
    return phrase([literal(" noexcept"), inParentheses(condition)]);
  }

  private typesToEnd(): Node[] {
    const types: Node[] = [];
    while (!this.eat("E")) types.push(this.type());
    return types;
  }

  /** <vector-type> ::= Dv [<number> | <expression>] _ (<type> | p) */
  private vectorType(): Node {
    const dimension = this.dimension();
    const element = this.eat("p") ? literal("pixel") : this.type();
    return phrase([element, literal(" vector["), dimension, literal("]")]);
  }

  /** <array-type> ::= A [<number> | <expression>] _ <type> */
  private arrayType(): Node {
    const dimension = this.dimension();
    return new ArrayType(this.type(), dimension);
  }

  private dimension(): Node {
    return this.eat("_") ? literal("") : this.size();
  }

  /** <class-enum-type> ::= [Ts | Tu | Te] <name> */
  private classOrEnumType(): Node {
    if (this.eat("Ts")) return phrase([literal("struct "), this.name(null)]);
    if (this.eat("Tu")) return phrase([literal("union "), this.name(null)]);
    if (this.eat("Te")) return phrase([literal("enum "), this.name(null)]);
    return this.name(null);
  }

  /** <decltype> ::= Dt <expression> E | DT <expression> E */
  protected decltype(): Node {
    this.at += 2;
    const expression = this.expression();
    this.expect("E");
    return phrase([literal("decltype"), inParentheses(expression)]);
  }
}

/** Objective-C writes `id<Protocol>` for a pointer to `objc_object<Protocol>`. */
function pointerTo(pointee: Node): Node {
  if (!(pointee instanceof ProtocolType)) return new Pointer(pointee);
  const type = changetype<ProtocolType>(pointee);
  if (!isExcerpt(type.type, "objc_object")) return new Pointer(pointee);
  return phrase([literal("id<"), type.protocol, literal(">")]);
}

/** The protocol in a qualifier such as `objcproto9NSCopying`, null in any other. */
function objectiveCProtocol(qualifier: Excerpt): Excerpt | null {
  if (!qualifier.startsWith("objcproto")) return null;
  const end = qualifier.from + qualifier.length;
  let at = qualifier.from + 9;
  let length: u32 = 0;
  for (; at < end && isDigit(load<u8>(at)); at++) {
    length = min(length * 10 + (load<u8>(at) - DIGIT_0), qualifier.length);
  }
  for (let i = at; i < end; i++) if (isOneOf("\n\r", load<u8>(i))) return null;
  length = min(length, end - at);
  return length === 0 ? null : new Excerpt(at, length);
}
