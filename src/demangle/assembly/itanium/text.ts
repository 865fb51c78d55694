/**
 * Plain text in the tree, whose printing is no step of work: words of C++, parts of the mangled name, numbers. Of
 * several pieces where they are one word.
 */

import { DIGIT_0, SMALL_A } from "../letters.ts";
import { append, appendBytes } from "../output.ts";
import { Node } from "./node.ts";
import * as kind from "./node-kinds.ts";

class Literal extends Node {
  constructor(readonly text: string) {
    super(kind.LITERAL);
  }
}

/** Bytes of memory, of the mangled name mostly. */
export class Excerpt extends Node {
  constructor(
    readonly from: u32,
    readonly length: u32,
  ) {
    super(kind.EXCERPT);
  }

  /** Whether these are the bytes. */
  is(text: string): bool {
    return this.length === <u32>text.length && this.startsWith(text);
  }

  startsWith(text: string): bool {
    if (this.length < <u32>text.length) return false;
    for (let i = 0; i < text.length; i++) if (load<u8>(this.from + i) !== text.charCodeAt(i)) return false;
    return true;
  }
}

class Compound extends Node {
  constructor(readonly pieces: StaticArray<Node>) {
    super(kind.COMPOUND);
  }
}

export function literal(text: string): Node {
  return new Literal(text);
}

/** @param pieces all of them text. */
export function compound(pieces: StaticArray<Node>): Node {
  return new Compound(pieces);
}

export function decimal(value: u32): Excerpt {
  let digits: u32 = 1;
  for (let rest = value / 10; rest > 0; rest /= 10) digits++;
  return digitsOf(value, 10, digits);
}

/** @param digits how many, of the lower end of `value`. */
export function hexadecimal(value: u64, digits: u32): Excerpt {
  return digitsOf(value, 16, digits);
}

function digitsOf(value: u64, base: u64, digits: u32): Excerpt {
  const from = <u32>heap.alloc(digits);
  let rest = value;
  for (let at = from + digits; at > from; rest /= base) {
    const digit = <u8>(rest % base);
    store<u8>(--at, digit < 10 ? DIGIT_0 + digit : SMALL_A + digit - 10);
  }
  return new Excerpt(from, digits);
}

export function isText(node: Node): bool {
  return node.kind <= kind.COMPOUND;
}

/** Whether a node is a part of the mangled name, and these its bytes. */
export function isExcerpt(node: Node, text: string): bool {
  return node.kind === kind.EXCERPT && changetype<Excerpt>(node).is(text);
}

/** Writes a node that is text. */
export function appendText(node: Node): void {
  if (node.kind === kind.LITERAL) append(changetype<Literal>(node).text);
  else if (node.kind === kind.EXCERPT) appendBytes(changetype<Excerpt>(node).from, changetype<Excerpt>(node).length);
  else {
    const pieces = changetype<Compound>(node).pieces;
    for (let i = 0; i < pieces.length; i++) appendText(unchecked(pieces[i]));
  }
}
