/**
 * The tree that a C++ name is parsed into.
 *
 * Most of a name is words in a row, so a node is either plain text (text.ts), or a row of nodes (`Phrase`, `Name`), or
 * one of the few kinds below where the order of printing is not the order of parsing: declarators (`int (*)[3]` has a
 * left and a right side), packs (printed once per element) and forward references (known only later).
 *
 * Operator precedence is settled while the tree is built: whoever makes an operand puts it into parentheses if it
 * needs them. Only the parentheses around `>` inside template arguments depend on where the node is printed.
 */

import * as kind from "./node-kinds.ts";
import { COMMA, PRIMARY } from "./precedence.ts";

export class Node {
  /** @param precedence that of the expression it is, `PRIMARY` for everything else. */
  constructor(
    readonly kind: u8,
    readonly precedence: u8 = PRIMARY,
  ) {}
}

/** Parts in a row. */
export class Phrase extends Node {
  constructor(
    readonly parts: StaticArray<Node>,
    precedence: u8,
  ) {
    super(kind.PHRASE, precedence);
  }
}

// What the grammar wants to know of a name when it meets it again as a substitution.
export const PLAIN: u8 = 0;
export const SPECIALIZATION: u8 = 1;
export const MODULE: u8 = 2;
export const ABBREVIATION: u8 = 3;

/**
 * A name of several parts. `base` is what its constructors are called: the last identifier without template
 * arguments, as text.
 */
export class Name extends Node {
  constructor(
    readonly parts: StaticArray<Node>,
    readonly base: Node,
    readonly form: u8,
  ) {
    super(kind.NAME);
  }
}

/** Items with commas between; items that print as nothing (empty packs) lose their comma too. */
export class List extends Node {
  constructor(
    readonly items: Node[],
    readonly isArgumentPack: bool,
  ) {
    super(kind.LIST);
  }
}

/** Something in brackets: `(…)`, `[…]`, `{…}` or `<…>`. Inside `<…>` a bare `>` would end the group. */
export class Group extends Node {
  constructor(
    readonly open: string,
    readonly inner: Node,
    readonly close: string,
  ) {
    super(kind.GROUP);
  }
}

/** An expression with a `>` or `>>` of its own, to be put in parentheses directly inside `<…>`. */
export class Greater extends Node {
  constructor(
    readonly inner: Node,
    precedence: u8,
  ) {
    super(kind.GREATER, precedence);
  }
}

/** A cv-qualified type; `qualifiers` such as ` const volatile`, with the leading space. */
export class Qualified extends Node {
  constructor(
    readonly type: Node,
    readonly qualifiers: string,
  ) {
    super(kind.QUALIFIED);
  }
}

export class Pointer extends Node {
  constructor(readonly pointee: Node) {
    super(kind.POINTER);
  }
}

export class Reference extends Node {
  constructor(
    readonly pointee: Node,
    readonly isRvalue: bool,
  ) {
    super(kind.REFERENCE);
  }
}

export class MemberPointer extends Node {
  constructor(
    readonly owner: Node,
    readonly member: Node,
  ) {
    super(kind.MEMBER_POINTER);
  }
}

export class ArrayType extends Node {
  constructor(
    readonly element: Node,
    readonly dimension: Node,
  ) {
    super(kind.ARRAY);
  }
}

/** `tail` is what follows the parameters: qualifiers and exception specification, each with a leading space. */
export class FunctionType extends Node {
  constructor(
    readonly result: Node,
    readonly parameters: Node,
    readonly tail: Node,
  ) {
    super(kind.FUNCTION);
  }
}

/** `declarator` with `type` around it: `int (*f(float))(char)` is type `int (*)(char)`, declarator `f(float)`. */
export class Declaration extends Node {
  constructor(
    readonly type: Node,
    readonly declarator: Node,
  ) {
    super(kind.DECLARATION);
  }
}

/** The arguments of a template parameter pack; stands for one of them at a time while an Expansion is printed. */
export class Pack extends Node {
  constructor(readonly items: Node[]) {
    super(kind.PACK);
  }
}

/** `pattern...`: the pattern once for each element of the packs in it. */
export class Expansion extends Node {
  constructor(readonly pattern: Node) {
    super(kind.EXPANSION);
  }
}

/** A template parameter whose argument stands further on in the mangled name; `target` is set once it is known. */
export class ForwardReference extends Node {
  target: Node | null = null;

  constructor(readonly index: u32) {
    super(kind.FORWARD_REFERENCE);
  }
}

export function phrase(parts: StaticArray<Node>, precedence: u8 = PRIMARY): Phrase {
  return new Phrase(parts, precedence);
}

/** A phrase of parts whose number is known only now. */
export function phraseOf(parts: Node[]): Phrase {
  return phrase(StaticArray.fromArray(parts));
}

export function name(parts: StaticArray<Node>, base: Node, form: u8 = PLAIN): Name {
  return new Name(parts, base, form);
}

/** Items with commas; a comma expression among them gets parentheses, in `items` itself. */
export function list(items: Node[], isArgumentPack: bool = false): List {
  for (let i = 0; i < items.length; i++) items[i] = operand(unchecked(items[i]), COMMA);
  return new List(items, isArgumentPack);
}

/** `(inner)` */
export function inParentheses(inner: Node): Group {
  return new Group("(", inner, ")");
}

/** `[inner]` */
export function inBrackets(inner: Node): Group {
  return new Group("[", inner, "]");
}

/** `{inner}` */
export function inBraces(inner: Node): Group {
  return new Group("{", inner, "}");
}

/** `<inner>` */
export function inAngles(inner: Node): Group {
  return new Group("<", inner, ">");
}

/** `(items)` */
export function parenthesized(items: Node[]): Group {
  return inParentheses(list(items));
}

/** `node` as an operand: in parentheses when its operator binds as weakly as `limit` or weaker. */
export function operand(node: Node, limit: u8): Node {
  return node.precedence >= limit ? inParentheses(node) : node;
}

export function isSpecialization(node: Node): bool {
  return isName(node, SPECIALIZATION);
}

export function isModule(node: Node): bool {
  return isName(node, MODULE);
}

function isName(node: Node, form: u8): bool {
  return node.kind === kind.NAME && changetype<Name>(node).form === form;
}
