/**
 * The tree that a C++ name is parsed into.
 *
 * Most of a name is words in a row, so a node is either plain text, or a row of nodes (`Phrase`, `Name`), or one of the
 * few kinds below where the order of printing is not the order of parsing: declarators (`int (*)[3]` has a left and a
 * right side), packs (printed once per element) and forward references (known only later).
 *
 * Operator precedence is settled while the tree is built: whoever makes an operand puts it into parentheses if it
 * needs them. Only the parentheses around `>` inside template arguments depend on where the node is printed.
 */

import { PRECEDENCE } from "./operators.ts";

export type Node =
  | string
  | Phrase
  | Name
  | List
  | Group
  | Greater
  | Qualified
  | Pointer
  | Reference
  | MemberPointer
  | ArrayType
  | FunctionType
  | Declaration
  | Pack
  | Expansion
  | ForwardReference;

/** Parts in a row. `precedence` is that of the expression it is, `PRECEDENCE.primary` for everything else. */
export type Phrase = { readonly kind: "phrase"; readonly parts: readonly Node[]; readonly precedence: number };

/**
 * A name of several parts. `base` is what its constructors are called: the last identifier without template
 * arguments. `form` is what the grammar wants to know when it meets the name again as a substitution.
 */
export type Name = {
  readonly kind: "name";
  readonly parts: readonly Node[];
  readonly base: string;
  readonly form: "plain" | "specialization" | "module" | "abbreviation";
};

/** Items with commas between; items that print as nothing (empty packs) lose their comma too. */
export type List = { readonly kind: "list"; readonly items: readonly Node[]; readonly isArgumentPack: boolean };

/** Something in brackets: `(…)`, `[…]`, `{…}` or `<…>`. Inside `<…>` a bare `>` would end the group. */
export type Group = { readonly kind: "group"; readonly open: "(" | "[" | "{" | "<"; readonly inner: Node };

/** An expression with a `>` or `>>` of its own, to be put in parentheses directly inside `<…>`. */
export type Greater = { readonly kind: "greater"; readonly inner: Node; readonly precedence: number };

/** A cv-qualified type; `qualifiers` such as ` const volatile`, with the leading space. */
export type Qualified = { readonly kind: "qualified"; readonly type: Node; readonly qualifiers: string };

export type Pointer = { readonly kind: "pointer"; readonly pointee: Node };
export type Reference = { readonly kind: "reference"; readonly pointee: Node; readonly isRvalue: boolean };
export type MemberPointer = { readonly kind: "memberPointer"; readonly owner: Node; readonly member: Node };
export type ArrayType = { readonly kind: "array"; readonly element: Node; readonly dimension: Node };

/** `tail` is what follows the parameters: qualifiers and exception specification, each with a leading space. */
export type FunctionType = {
  readonly kind: "function";
  readonly result: Node;
  readonly parameters: Node;
  readonly tail: Node;
};

/** `declarator` declared with `type` around it: `int (*f(float))(char)` is type `int (*)(char)`, declarator `f(float)`. */
export type Declaration = { readonly kind: "declaration"; readonly type: Node; readonly declarator: Node };

/** The arguments of a template parameter pack; stands for one of them at a time while an Expansion is printed. */
export type Pack = { readonly kind: "pack"; readonly items: readonly Node[] };

/** `pattern...`: the pattern once for each element of the packs in it. */
export type Expansion = { readonly kind: "expansion"; readonly pattern: Node };

/** A template parameter whose argument stands further on in the mangled name; `target` is set once it is known. */
export type ForwardReference = { readonly kind: "forward"; readonly index: number; target: Node };

export function phrase(parts: readonly Node[], precedence: number = PRECEDENCE.primary): Phrase {
  return { kind: "phrase", parts, precedence };
}

export function name(parts: readonly Node[], base: string, form: Name["form"] = "plain"): Name {
  return { kind: "name", parts, base, form };
}

/** Items with commas; a comma expression among them gets parentheses. */
export function list(items: readonly Node[], isArgumentPack = false): List {
  return { kind: "list", items: items.map((item) => operand(item, PRECEDENCE.comma)), isArgumentPack };
}

export function group(open: Group["open"], inner: Node): Group {
  return { kind: "group", open, inner };
}

/** `(items)` */
export function parenthesized(items: readonly Node[]): Group {
  return group("(", list(items));
}

/** `node` as an operand: in parentheses when its operator binds as weakly as `limit` or weaker. */
export function operand(node: Node, limit: number): Node {
  return precedenceOf(node) >= limit ? group("(", node) : node;
}

function precedenceOf(node: Node): number {
  if (typeof node === "string") return PRECEDENCE.primary;
  return node.kind === "phrase" || node.kind === "greater" ? node.precedence : PRECEDENCE.primary;
}

/** What constructors of the class `node` are called, "" when it has no name. */
export function baseName(node: Node): string {
  if (typeof node === "string") return node;
  return node.kind === "name" ? node.base : "";
}

export function isModule(node: Node): node is Name {
  return typeof node !== "string" && node.kind === "name" && node.form === "module";
}
