/**
 * Template arguments and parameters: Itanium C++ ABI 5.1.5.8 and 5.1.5.9, and lambdas, 5.1.8, whose mangled names list
 * their template parameters too.
 */

import { fail } from "../limits.ts";
import { group, list, type Node, parenthesized, phrase } from "./node.ts";
import { TypeGrammar } from "./type-grammar.ts";

export abstract class TemplateGrammar extends TypeGrammar {
  /** The level of template parameters that `auto` in the parameters of the lambda being read has; -1 outside lambdas. */
  private lambdaLevel = -1;
  /** How many `$T`, `$N` and `$TT` were invented for lambdas so far. */
  private readonly invented = { $T: 0, $N: 0, $TT: 0 };

  /** <template-args> ::= I [<template-arg>+ [Q <constraint>]] E , from behind the `I` on. */
  protected templateArguments(isOfEncoding: boolean): Node {
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
    return group("<", list(items));
  }

  /** <template-arg> ::= <type> | X <expression> E | <expr-primary> | J <template-arg>* E | <param-decl> <template-arg> */
  protected templateArgument(): Node {
    this.enter();
    return this.leave(this.anyTemplateArgument());
  }

  private anyTemplateArgument(): Node {
    switch (this.peek()) {
      case "X": {
        this.at++;
        const expression = this.expression();
        this.expect("E");
        return expression;
      }
      case "J":
        this.at++;
        return list(this.untilEnd(this.templateArgument), true);
      case "L": {
        if (!this.eat("LZ")) return this.expression();
        const encoding = this.encoding();
        this.expect("E");
        return encoding;
      }
      case "T":
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

  protected isParameterDeclaration(): boolean {
    return this.peek() === "T" && "yptnk".includes(this.peek(1) ?? " ");
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
    if (this.eat("Ty")) return phrase(["typename ", dots, this.inventName("$T", scope)]);
    if (this.eat("Tk")) {
      const concept = this.name(null);
      return phrase([concept, " ", dots, this.inventName("$T", scope)]);
    }
    if (this.eat("Tn")) {
      const invented = this.inventName("$N", scope);
      return { kind: "declaration", type: this.type(), declarator: dots + invented };
    }
    this.expect("Tt");
    const invented = this.inventName("$TT", scope);
    const inner: Node[] = [];
    const level = this.templateParameters.push(inner) - 1;
    const parameters: Node[] = [];
    let requirement: Node = "";
    while (!this.eat("E")) {
      parameters.push(this.parameterDeclaration(inner, ""));
      if (this.eat("Q")) {
        requirement = phrase([" requires ", this.constraint()]);
        this.expect("E");
        break;
      }
    }
    this.templateParameters.length = level;
    return phrase(["template", group("<", list(parameters)), " typename ", dots, invented, requirement]);
  }

  private inventName(prefix: "$T" | "$N" | "$TT", scope: Node[] | null): string {
    const index = this.invented[prefix]++;
    const invented = index === 0 ? prefix : `${prefix}${index - 1}`;
    scope?.push(invented);
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
  protected closure(): { declarator: Node; count: string } {
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
    else declarator.push(group("<", list(declarations)));
    if (this.eat("Q")) declarator.push(" requires ", this.constraint(), " ");
    const parameters: Node[] = [];
    if (!this.eat("v")) {
      do parameters.push(this.type());
      while (this.peek() !== "E" && this.peek() !== "Q");
    }
    declarator.push(parenthesized(parameters));
    if (this.eat("Q")) declarator.push(" requires ", this.constraint());
    this.expect("E");
    const count = this.digits();
    this.expect("_");
    this.templateParameters.length = level;
    this.lambdaLevel = outerLevel;
    return { declarator: phrase(declarator), count };
  }

  protected genericLambdaParameter(level: number): Node {
    const levels = this.templateParameters.length;
    if (level !== this.lambdaLevel || level > levels) fail();
    if (level === levels) this.templateParameters.push([]);
    return "auto";
  }
}

/** What `T_` means when it stands for this argument. */
function packOf(argument: Node): Node {
  const isPack = typeof argument !== "string" && argument.kind === "list" && argument.isArgumentPack;
  return isPack ? { kind: "pack", items: argument.items } : argument;
}
