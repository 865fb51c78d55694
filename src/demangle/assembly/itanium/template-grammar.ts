/**
 * Template arguments and parameters: Itanium C++ ABI 5.1.5.8 and 5.1.5.9, and lambdas, 5.1.8, whose mangled names list
 * their template parameters too.
 */

import { fail } from "../failure.ts";
import { isOneOf, LETTER_E, LETTER_J, LETTER_L, LETTER_Q, LETTER_T, LETTER_X } from "../letters.ts";
import { Closure } from "./grammar.ts";
import { Declaration, inAngles, List, list, Node, Pack, parenthesized, phrase, phraseOf } from "./node.ts";
import * as kind from "./node-kinds.ts";
import { compound, decimal, literal } from "./text.ts";
import { TypeGrammar } from "./type-grammar.ts";

/** Names invented for the parameters of lambdas: of types, of values, of templates. */
const INVENTED_NAMES: StaticArray<string> = ["$T", "$N", "$TT"];
const TYPE: i32 = 0;
const VALUE: i32 = 1;
const TEMPLATE: i32 = 2;

export abstract class TemplateGrammar extends TypeGrammar {
  /** The level of template parameters that `auto` has in the parameters of the lambda being read; -1 outside of one. */
  private lambdaLevel: i32 = -1;
  /** How many names of each kind were invented so far. */
  private readonly invented: StaticArray<u32> = new StaticArray<u32>(INVENTED_NAMES.length);

  /** <template-args> ::= I [<template-arg>+ [Q <constraint>]] E , from behind the `I` on. */
  protected templateArguments(isOfEncoding: bool): Node {
    const table: Node[] = [];
    if (isOfEncoding) this.templateParameters = [table];
    const items: Node[] = [];
    while (!this.eat("E")) {
      const item = this.templateArgument();
      items.push(item);
      table.push(packOf(item));
      if (this.eat("Q")) {
        // The requires clause is not printed.
        this.constraint();
        this.expect("E");
        break;
      }
    }
    return inAngles(list(items));
  }

  /** All arguments up to the closing `E`. */
  protected templateArgumentsToEnd(): Node[] {
    const items: Node[] = [];
    while (!this.eat("E")) items.push(this.templateArgument());
    return items;
  }

  /**
   * <template-arg> ::= <type> | X <expression> E | <expr-primary> | J <template-arg>* E
   *                ::= <template-param-decl> <template-arg>
   */
  protected templateArgument(): Node {
    this.enter();
    return this.leave(this.anyTemplateArgument());
  }

  private anyTemplateArgument(): Node {
    switch (this.peek()) {
      case LETTER_X: {
        this.at++;
        const expression = this.expression();
        this.expect("E");
        return expression;
      }
      case LETTER_J:
        this.at++;
        return list(this.templateArgumentsToEnd(), true);
      case LETTER_L: {
        if (!this.eat("LZ")) return this.expression();
        const encoding = this.encoding(true);
        this.expect("E");
        return encoding;
      }
      case LETTER_T:
        if (this.isParameterDeclaration()) {
          // The kind of parameter, where the argument leaves it open. Not printed.
          this.parameterDeclaration(null, "");
          return this.templateArgument();
        }
        return this.type();
      default:
        return this.type();
    }
  }

  protected isParameterDeclaration(): bool {
    return this.peek() === LETTER_T && isOneOf("yptnk", this.peek(1));
  }

  /**
   * <template-param-decl> ::= Ty | Tk <name> | Tn <type> | Tt <template-param-decl>* [Q <constraint>] E
   *                       | Tp <template-param-decl>
   *
   * @param scope the names invented for the parameters go here, for `TL0_` to find them.
   * @param dots `...` for a pack.
   */
  private parameterDeclaration(scope: Node[] | null, dots: string): Node {
    this.enter();
    return this.leave(this.anyParameterDeclaration(scope, dots));
  }

  private anyParameterDeclaration(scope: Node[] | null, dots: string): Node {
    if (this.eat("Tp")) return this.parameterDeclaration(scope, "...");
    if (this.eat("Ty")) return phrase([literal("typename "), literal(dots), this.inventName(TYPE, scope)]);
    if (this.eat("Tk")) {
      const concept = this.name(null);
      return phrase([concept, literal(" "), literal(dots), this.inventName(TYPE, scope)]);
    }
    if (this.eat("Tn")) {
      const invented = this.inventName(VALUE, scope);
      return new Declaration(this.type(), compound([literal(dots), invented]));
    }
    this.expect("Tt");
    const invented = this.inventName(TEMPLATE, scope);
    const inner: Node[] = [];
    const level = this.templateParameters.push(inner) - 1;
    const parameters: Node[] = [];
    let requirement = literal("");
    while (!this.eat("E")) {
      parameters.push(this.parameterDeclaration(inner, ""));
      if (this.eat("Q")) {
        requirement = phrase([literal(" requires "), this.constraint()]);
        this.expect("E");
        break;
      }
    }
    this.templateParameters.length = level;
    const head = inAngles(list(parameters));
    return phrase([literal("template"), head, literal(" typename "), literal(dots), invented, requirement]);
  }

  private inventName(which: i32, scope: Node[] | null): Node {
    const index = unchecked(this.invented[which]++);
    const prefix = literal(unchecked(INVENTED_NAMES[which]));
    const invented = index === 0 ? prefix : compound([prefix, decimal(index - 1)]);
    if (scope !== null) scope.push(invented);
    return invented;
  }

  /** Within a constraint, `T_` may mean a parameter of any enclosing template. */
  protected constraint(): Node {
    const wasInConstraint = this.isInConstraint;
    this.isInConstraint = true;
    const constraint = this.expression();
    this.isInConstraint = wasInConstraint;
    return constraint;
  }

  // --- Lambdas ---

  /** Ul <template-param-decl>* [Q <constraint>] (v | <type>+) [Q <constraint>] E [<number>] _ , from behind `Ul` on. */
  protected closure(): Closure {
    const outerLevel = this.lambdaLevel;
    const level = this.templateParameters.length;
    const scope: Node[] = [];
    this.lambdaLevel = level;
    this.templateParameters.push(scope);
    const declarator: Node[] = [];
    const declarations: Node[] = [];
    while (this.isParameterDeclaration()) declarations.push(this.parameterDeclaration(scope, ""));
    // Without declarations this level exists only if a parameter is `auto`; genericLambdaParameter adds it then.
    if (declarations.length === 0) this.templateParameters.pop();
    else declarator.push(inAngles(list(declarations)));
    if (this.eat("Q")) {
      declarator.push(literal(" requires "));
      declarator.push(this.constraint());
      declarator.push(literal(" "));
    }
    const parameters: Node[] = [];
    if (!this.eat("v")) {
      do parameters.push(this.type());
      while (this.peek() !== LETTER_E && this.peek() !== LETTER_Q);
    }
    declarator.push(parenthesized(parameters));
    if (this.eat("Q")) {
      declarator.push(literal(" requires "));
      declarator.push(this.constraint());
    }
    this.expect("E");
    const count = this.digits();
    this.expect("_");
    this.templateParameters.length = level;
    this.lambdaLevel = outerLevel;
    return new Closure(phraseOf(declarator), count);
  }

  protected genericLambdaParameter(level: u32): Node {
    const levels = <u32>this.templateParameters.length;
    if (<i32>level !== this.lambdaLevel || level > levels) fail();
    if (level === levels) this.templateParameters.push([]);
    return literal("auto");
  }
}

/** What `T_` means when it stands for this argument. */
function packOf(argument: Node): Node {
  if (argument.kind !== kind.LIST || !changetype<List>(argument).isArgumentPack) return argument;
  return new Pack(changetype<List>(argument).items);
}
