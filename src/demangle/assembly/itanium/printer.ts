/**
 * From the tree to text.
 *
 * A C++ declaration wraps around what it declares: `int (*name)[3]` has the pointer left of the name, and the array
 * right of it. So a type prints in two halves, `left` and `right`, and every other node on the left only.
 */

import { MAX_DEPTH } from "../../limits.ts";
import { fail } from "../failure.ts";
import { BRACKET_END } from "../letters.ts";
import { append, beginOutput, lastByte, OUTPUT, outputEnd, restore, step } from "../output.ts";
import {
  ArrayType,
  Declaration,
  Expansion,
  ForwardReference,
  FunctionType,
  Greater,
  Group,
  List,
  MemberPointer,
  Name,
  Node,
  Pack,
  Phrase,
  Pointer,
  Qualified,
  Reference,
} from "./node.ts";
import * as kind from "./node-kinds.ts";
import { appendText, isText, literal } from "./text.ts";

/** Outside any expansion. */
const NO_PACK: i32 = -1;

/** Writes the text of a tree. @param length of the mangled name, which sets the limits. */
export function printTree(root: Node, length: u32): void {
  beginOutput(length);
  new Printer().print(root);
  if (!isText(root) && load<u8>(OUTPUT) === 0) fail();
}

class Printer {
  private depth: i32 = 0;
  /** Which element of the packs is being printed, and how many there are. */
  private packIndex: i32 = 0;
  private packSize: i32 = NO_PACK;
  /** Brackets opened since the last `<`; at 0, a bare `>` would close that. */
  private bracketsInside: i32 = 1;
  /** Whether the reference collapsed last is `&&`. */
  private isRvalue: bool = false;
  /** What packs stand for that have fewer elements than others. */
  private readonly nothing: Node = literal("");

  print(node: Node): void {
    this.left(node);
    this.right(node);
  }

  private left(node: Node): void {
    if (isText(node)) {
      appendText(node);
      return;
    }
    this.enter();
    switch (node.kind) {
      case kind.PHRASE:
        this.row(changetype<Phrase>(node).parts);
        break;
      case kind.NAME:
        this.row(changetype<Name>(node).parts);
        break;
      case kind.LIST:
        this.list(changetype<List>(node).items);
        break;
      case kind.GROUP: {
        const group = changetype<Group>(node);
        this.group(group.open, group.inner, group.close);
        break;
      }
      case kind.GREATER: {
        const inner = changetype<Greater>(node).inner;
        if (this.bracketsInside > 0) this.print(inner);
        else this.group("(", inner, ")");
        break;
      }
      case kind.QUALIFIED:
        this.left(changetype<Qualified>(node).type);
        append(changetype<Qualified>(node).qualifiers);
        break;
      case kind.POINTER: {
        const pointee = changetype<Pointer>(node).pointee;
        this.left(pointee);
        this.openDeclarator(pointee);
        append("*");
        break;
      }
      case kind.REFERENCE: {
        const pointee = this.collapse(changetype<Reference>(node));
        const isRvalue = this.isRvalue;
        this.left(pointee);
        this.openDeclarator(pointee);
        append(isRvalue ? "&&" : "&");
        break;
      }
      case kind.MEMBER_POINTER: {
        const member = changetype<MemberPointer>(node).member;
        this.left(member);
        append(this.needsParentheses(member) ? "(" : " ");
        this.print(changetype<MemberPointer>(node).owner);
        append("::*");
        break;
      }
      case kind.ARRAY:
        this.left(changetype<ArrayType>(node).element);
        break;
      case kind.FUNCTION:
        this.left(changetype<FunctionType>(node).result);
        append(" ");
        break;
      case kind.DECLARATION: {
        const type = changetype<Declaration>(node).type;
        this.left(type);
        if (!this.hasRight(type)) append(" ");
        this.print(changetype<Declaration>(node).declarator);
        this.right(type);
        break;
      }
      case kind.PACK:
      case kind.FORWARD_REFERENCE:
        this.left(this.resolve(node));
        break;
      case kind.EXPANSION:
        this.expansion(changetype<Expansion>(node).pattern);
        break;
    }
    this.depth--;
  }

  private right(node: Node): void {
    if (isText(node)) return;
    this.enter();
    switch (node.kind) {
      case kind.QUALIFIED:
        this.right(changetype<Qualified>(node).type);
        break;
      case kind.POINTER: {
        const pointee = changetype<Pointer>(node).pointee;
        this.closeDeclarator(pointee);
        this.right(pointee);
        break;
      }
      case kind.REFERENCE: {
        const pointee = this.collapse(changetype<Reference>(node));
        this.closeDeclarator(pointee);
        this.right(pointee);
        break;
      }
      case kind.MEMBER_POINTER: {
        const member = changetype<MemberPointer>(node).member;
        this.closeDeclarator(member);
        this.right(member);
        break;
      }
      case kind.ARRAY:
        append(lastByte() === BRACKET_END ? "[" : " [");
        this.print(changetype<ArrayType>(node).dimension);
        append("]");
        this.right(changetype<ArrayType>(node).element);
        break;
      case kind.FUNCTION: {
        const type = changetype<FunctionType>(node);
        this.print(type.parameters);
        this.right(type.result);
        this.print(type.tail);
        break;
      }
      case kind.PACK:
      case kind.FORWARD_REFERENCE:
        this.right(this.resolve(node));
        break;
    }
    this.depth--;
  }

  private enter(): void {
    step();
    if (++this.depth > MAX_DEPTH) fail();
  }

  private openDeclarator(inner: Node): void {
    const type = this.unqualified(inner);
    if (type.kind === kind.ARRAY) append(" (");
    else if (type.kind === kind.FUNCTION) append("(");
  }

  private closeDeclarator(inner: Node): void {
    if (this.needsParentheses(inner)) append(")");
  }

  /** Whether a type turns the declarator around it into `(*…)`. */
  private needsParentheses(type: Node): bool {
    return hasOwnRight(this.unqualified(type));
  }

  private unqualified(type: Node): Node {
    let node = this.resolve(type);
    while (node.kind === kind.QUALIFIED) {
      step();
      node = this.resolve(changetype<Qualified>(node).type);
    }
    return node;
  }

  /** Whether the type prints anything right of what it declares. */
  private hasRight(type: Node): bool {
    let node = this.resolve(type);
    while (!hasOwnRight(node)) {
      if (node.kind === kind.QUALIFIED) node = this.resolve(changetype<Qualified>(node).type);
      else if (node.kind === kind.MEMBER_POINTER) node = this.resolve(changetype<MemberPointer>(node).member);
      else if (node.kind === kind.POINTER) node = this.resolve(changetype<Pointer>(node).pointee);
      else if (node.kind === kind.REFERENCE) node = this.resolve(changetype<Reference>(node).pointee);
      else return false;
      step();
    }
    return true;
  }

  /** What a pack or a forward reference stands for here. */
  private resolve(type: Node): Node {
    let node = type;
    while (node.kind === kind.PACK || node.kind === kind.FORWARD_REFERENCE) {
      step();
      if (node.kind === kind.PACK) node = this.elementOf(changetype<Pack>(node).items);
      else node = changetype<ForwardReference>(node).target!;
    }
    return node;
  }

  /** The element of a pack whose turn it is. */
  private elementOf(items: Node[]): Node {
    if (this.packSize === NO_PACK) {
      this.packSize = items.length;
      this.packIndex = 0;
    }
    return this.packIndex < items.length ? unchecked(items[this.packIndex]) : this.nothing;
  }

  /** What a reference, or a reference to it, is one to; sets `isRvalue`: `&&` only if all of them are ([dcl.ref]). */
  private collapse(reference: Reference): Node {
    let isRvalue = reference.isRvalue;
    let pointee = this.resolve(reference.pointee);
    while (pointee.kind === kind.REFERENCE) {
      step();
      isRvalue = isRvalue && changetype<Reference>(pointee).isRvalue;
      pointee = this.resolve(changetype<Reference>(pointee).pointee);
    }
    this.isRvalue = isRvalue;
    return pointee;
  }

  private row(parts: StaticArray<Node>): void {
    for (let i = 0; i < parts.length; i++) this.print(unchecked(parts[i]));
  }

  private list(items: Node[]): void {
    const start = outputEnd();
    for (let i = 0; i < items.length; i++) {
      const before = outputEnd();
      if (before !== start) append(", ");
      const after = outputEnd();
      this.print(unchecked(items[i]));
      // An expansion of an empty pack: without its comma.
      if (outputEnd() === after) restore(before);
    }
  }

  private group(open: string, inner: Node, close: string): void {
    const outer = this.bracketsInside;
    this.bracketsInside = open === "<" ? 0 : outer + 1;
    append(open);
    this.print(inner);
    append(close);
    this.bracketsInside = outer;
  }

  private expansion(pattern: Node): void {
    const packIndex = this.packIndex;
    const packSize = this.packSize;
    this.packSize = NO_PACK;
    const before = outputEnd();
    // The first pack met on the way sets the number of elements.
    this.print(pattern);
    const size = this.packSize;
    if (size === NO_PACK) append("...");
    if (size === 0) restore(before);
    for (let index = 1; index < size; index++) {
      append(", ");
      this.packIndex = index;
      this.print(pattern);
    }
    this.packIndex = packIndex;
    this.packSize = packSize;
  }
}

function hasOwnRight(type: Node): bool {
  return type.kind === kind.ARRAY || type.kind === kind.FUNCTION;
}
