/**
 * From the tree to text.
 *
 * A C++ declaration wraps around what it declares: `int (*name)[3]` has the pointer left of the name, and the array
 * right of it. So a type prints in two halves, `left` and `right`, and every other node on the left only.
 */

import { fail, MAX_DEPTH } from "../limits.ts";
import { Output } from "../output.ts";
import type { Expansion, Group, List, Node, Reference } from "./node.ts";

/** Whether a type turns the declarator around it into `(*…)`. */
type Shape = "array" | "function" | "plain";

/** Outside any expansion. */
const NO_PACK = -1;

/** The text of a tree. @param length of the mangled name, which sets the limits. */
export function printTree(root: Node, length: number): string {
  if (typeof root === "string") return root;
  const printer = new Printer(length);
  printer.print(root);
  return printer.output.finish();
}

class Printer {
  readonly output: Output;
  private depth = 0;
  /** Which element of the packs is being printed, and how many there are. */
  private packIndex = 0;
  private packSize = NO_PACK;
  /** Brackets opened since the last `<`; at 0, a bare `>` would close that. */
  private bracketsInside = 1;

  constructor(length: number) {
    this.output = new Output(length);
  }

  print(node: Node): void {
    if (typeof node === "string") {
      this.output.append(node);
      return;
    }
    this.left(node);
    this.right(node);
  }

  private left(node: Node): void {
    if (typeof node === "string") {
      this.output.append(node);
      return;
    }
    this.enter();
    switch (node.kind) {
      case "name":
      case "phrase":
        for (const part of node.parts) this.print(part);
        break;
      case "list":
        this.list(node);
        break;
      case "group":
        this.group(node);
        break;
      case "greater":
        if (this.bracketsInside > 0) this.print(node.inner);
        else this.group({ kind: "group", open: "(", inner: node.inner });
        break;
      case "qualified":
        this.left(node.type);
        this.output.append(node.qualifiers);
        break;
      case "pointer":
        this.left(node.pointee);
        this.openDeclarator(node.pointee);
        this.output.append("*");
        break;
      case "reference": {
        const { pointee, isRvalue } = this.collapse(node);
        this.left(pointee);
        this.openDeclarator(pointee);
        this.output.append(isRvalue ? "&&" : "&");
        break;
      }
      case "memberPointer": {
        this.left(node.member);
        this.output.append(this.shape(node.member) === "plain" ? " " : "(");
        this.print(node.owner);
        this.output.append("::*");
        break;
      }
      case "array":
        this.left(node.element);
        break;
      case "function":
        this.left(node.result);
        this.output.append(" ");
        break;
      case "declaration":
        this.left(node.type);
        if (!this.hasRight(node.type)) this.output.append(" ");
        this.print(node.declarator);
        this.right(node.type);
        break;
      case "pack":
      case "forward":
        this.left(this.resolve(node));
        break;
      case "expansion":
        this.expansion(node);
        break;
    }
    this.depth--;
  }

  private right(node: Node): void {
    if (typeof node === "string") return;
    this.enter();
    switch (node.kind) {
      case "qualified":
        this.right(node.type);
        break;
      case "pointer":
        this.closeDeclarator(node.pointee);
        this.right(node.pointee);
        break;
      case "reference": {
        const { pointee } = this.collapse(node);
        this.closeDeclarator(pointee);
        this.right(pointee);
        break;
      }
      case "memberPointer":
        this.closeDeclarator(node.member);
        this.right(node.member);
        break;
      case "array":
        this.output.append(this.output.lastCharacter === "]" ? "[" : " [");
        this.print(node.dimension);
        this.output.append("]");
        this.right(node.element);
        break;
      case "function":
        this.print(node.parameters);
        this.right(node.result);
        this.print(node.tail);
        break;
      case "pack":
      case "forward":
        this.right(this.resolve(node));
        break;
    }
    this.depth--;
  }

  private enter(): void {
    this.output.step();
    if (++this.depth > MAX_DEPTH) fail();
  }

  private openDeclarator(inner: Node): void {
    const shape = this.shape(inner);
    if (shape !== "plain") this.output.append(shape === "array" ? " (" : "(");
  }

  private closeDeclarator(inner: Node): void {
    if (this.shape(inner) !== "plain") this.output.append(")");
  }

  private shape(type: Node): Shape {
    let node = this.resolve(type);
    while (typeof node !== "string" && node.kind === "qualified") {
      this.output.step();
      node = this.resolve(node.type);
    }
    return typeof node !== "string" && (node.kind === "array" || node.kind === "function") ? node.kind : "plain";
  }

  /** Whether the type prints anything right of what it declares. */
  private hasRight(type: Node): boolean {
    for (let node = this.resolve(type); typeof node !== "string"; this.output.step()) {
      if (node.kind === "array" || node.kind === "function") return true;
      if (node.kind === "qualified") node = this.resolve(node.type);
      else if (node.kind === "memberPointer") node = this.resolve(node.member);
      else if (node.kind === "pointer" || node.kind === "reference") node = this.resolve(node.pointee);
      else return false;
    }
    return false;
  }

  /** What a pack or a forward reference stands for here. */
  private resolve(type: Node): Node {
    let node = type;
    while (typeof node !== "string" && (node.kind === "pack" || node.kind === "forward")) {
      this.output.step();
      if (node.kind === "forward") {
        node = node.target;
      } else {
        if (this.packSize === NO_PACK) {
          this.packSize = node.items.length;
          this.packIndex = 0;
        }
        node = node.items[this.packIndex] ?? "";
      }
    }
    return node;
  }

  /** Reference to reference: `&&` only if both are ([dcl.ref]). */
  private collapse(reference: Reference): { pointee: Node; isRvalue: boolean } {
    let isRvalue = reference.isRvalue;
    let pointee = this.resolve(reference.pointee);
    while (typeof pointee !== "string" && pointee.kind === "reference") {
      this.output.step();
      isRvalue &&= pointee.isRvalue;
      pointee = this.resolve(pointee.pointee);
    }
    return { pointee, isRvalue };
  }

  private list(node: List): void {
    const start = this.output.text;
    for (const item of node.items) {
      const before = this.output.text;
      if (before !== start) this.output.append(", ");
      const after = this.output.text;
      this.print(item);
      // An expansion of an empty pack: without its comma.
      if (this.output.text === after) this.output.restore(before);
    }
  }

  private group(node: Group): void {
    const outer = this.bracketsInside;
    this.bracketsInside = node.open === "<" ? 0 : outer + 1;
    this.output.append(node.open);
    this.print(node.inner);
    this.output.append(CLOSING[node.open]);
    this.bracketsInside = outer;
  }

  private expansion(node: Expansion): void {
    const { packIndex, packSize } = this;
    this.packSize = NO_PACK;
    const before = this.output.text;
    // The first pack met on the way sets the number of elements.
    this.print(node.pattern);
    const size: number = this.packSize;
    if (size === NO_PACK) this.output.append("...");
    if (size === 0) this.output.restore(before);
    for (let index = 1; index < size; index++) {
      this.output.append(", ");
      this.packIndex = index;
      this.print(node.pattern);
    }
    this.packIndex = packIndex;
    this.packSize = packSize;
  }
}

const CLOSING = { "(": ")", "[": "]", "{": "}", "<": ">" } as const;
