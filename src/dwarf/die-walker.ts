/**
 * Walks DIEs in file order, skipping what it is not asked about (DWARF 5 §2.3, §7.5.2).
 *
 * The hot loop of a lookup: one turn a DIE, with the plans of abbreviations.ts, and no object made. Nesting is only
 * counted, so a tree may be as deep as it likes.
 */

import type { Cursor } from "../base/cursor.ts";
import {
  type AbbreviationTable,
  formStep,
  SIBLING_LEB,
  SIBLING1,
  SIBLING2,
  SIBLING4,
  SKIP_BLOCK,
  SKIP_BLOCK1,
  SKIP_BLOCK2,
  SKIP_BLOCK4,
  SKIP_INDIRECT,
  SKIP_LEB,
  SKIP_STRING,
  type UnitShape,
} from "./abbreviations.ts";
import { readForm, readIndirectForm } from "./attributes.ts";

export class DieWalker {
  /** The current DIE: its offset in the unit, its abbreviation, its tag, and its depth below the DIE begun with. */
  offset = 0;
  index = 0;
  tag = 0;
  level = 0;
  private readonly cursor: Cursor;
  private readonly bytes: Uint8Array;
  private readonly end: number;
  private readonly shape: UnitShape;
  private readonly abbreviations: AbbreviationTable;
  /** Depth at `position`, as `level` counts. */
  private depth = 0;
  private position: number;
  private started = false;
  /** Whether `position` is still before the current DIE's attributes. */
  private pending = false;
  private sibling = 0;

  /** @param cursor on the unit's bytes, at the DIE to begin with; the walk ends behind the last DIE below that. */
  constructor(cursor: Cursor, shape: UnitShape, abbreviations: AbbreviationTable) {
    this.cursor = cursor;
    this.bytes = cursor.bytes;
    this.end = cursor.end;
    this.position = cursor.position;
    this.shape = shape;
    this.abbreviations = abbreviations;
  }

  /**
   * Moves to the next DIE in file order. A list of children that the unit's end cuts short ends there.
   *
   * @returns false when there is none.
   * @throws MalformedError
   */
  next(): boolean {
    if (this.pending) this.passAttributes();
    if (this.started && this.depth === 0) return false;
    this.started = true;
    const { bytes, end } = this;
    for (;;) {
      const offset = this.position;
      if (offset >= end) return false;
      let code = bytes[this.position++];
      if (code >= 0x80) code = this.longCode(offset);
      if (code === 0) {
        this.depth--;
        if (this.depth <= 0) {
          this.depth = 0;
          return false;
        }
        continue;
      }
      const index = this.abbreviations.find(code);
      this.offset = offset;
      this.index = index;
      this.tag = this.abbreviations.tag(index);
      this.level = this.depth;
      if (this.abbreviations.hasChildren(index)) this.depth++;
      this.pending = true;
      return true;
    }
  }

  /** A cursor at the current DIE's first attribute. Valid until the next call. */
  attributes(): Cursor {
    this.cursor.position = this.position;
    return this.cursor;
  }

  /**
   * Jumps over everything below the current DIE when it has a DW_AT_sibling.
   *
   * @returns whether it did. Otherwise `next` goes on to the DIE's children.
   */
  skipToSibling(): boolean {
    if (this.pending) this.passAttributes();
    // A sibling before this place would make the walk go round for ever.
    if (this.depth === this.level || this.sibling <= this.position || this.sibling > this.end) return false;
    this.position = this.sibling;
    this.depth = this.level;
    return true;
  }

  private longCode(offset: number): number {
    this.cursor.position = offset;
    const code = this.cursor.uleb();
    this.position = this.cursor.position;
    return code;
  }

  /** Moves `position` behind the current DIE's attributes and notes its sibling. */
  private passAttributes(): void {
    const { bytes, abbreviations, index } = this;
    const { steps } = abbreviations;
    const last = abbreviations.firstStep(index + 1);
    let at = this.position;
    this.pending = false;
    this.sibling = 0;
    // Reading past the unit gives undefined, and adding that gives NaN: one check at the end catches it all.
    for (let i = abbreviations.firstStep(index); i < last; i++) {
      const step = steps[i];
      if (step >= 0) {
        at += step;
        continue;
      }
      switch (step) {
        case SKIP_LEB:
          while (bytes[at++] >= 0x80);
          break;
        case SKIP_STRING:
          while (at < this.end && bytes[at] !== 0) at++;
          at++;
          break;
        case SKIP_BLOCK1:
          at += 1 + bytes[at];
          break;
        case SKIP_BLOCK:
          at = bytes[at] < 0x80 ? at + 1 + bytes[at] : this.passRareStep(step, at);
          break;
        case SIBLING1:
          this.sibling = bytes[at++];
          break;
        case SIBLING4:
          this.cursor.position = Math.min(at, this.end);
          this.sibling = this.cursor.u32();
          at += 4;
          break;
        default:
          at = this.passRareStep(step, at);
      }
    }
    if (!(at <= this.end)) throw this.cursor.malformed("DIE runs off its unit", this.offset);
    this.position = at;
  }

  private passRareStep(step: number, at: number): number {
    const { cursor } = this;
    cursor.seek(at);
    switch (step) {
      case SKIP_BLOCK2:
        cursor.skip(cursor.u16());
        break;
      case SKIP_BLOCK4:
        cursor.skip(cursor.u32());
        break;
      case SKIP_BLOCK:
        cursor.skip(cursor.uleb());
        break;
      case SIBLING2:
        this.sibling = cursor.u16();
        break;
      case SIBLING_LEB:
        this.sibling = cursor.uleb();
        break;
      case SKIP_INDIRECT: {
        const form = readIndirectForm(cursor);
        if (formStep(form, this.shape) === undefined) throw cursor.malformed(`unknown form 0x${form.toString(16)}`);
        readForm(cursor, form, this.shape);
        break;
      }
    }
    return cursor.position;
  }
}
