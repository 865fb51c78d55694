/**
 * Walks DIEs in file order, skipping what it is not asked about (DWARF 5 §2.3, §7.5.2).
 *
 * One turn a DIE, with the plans of abbreviations.ts, and no object made. Nesting is only counted, so a tree may be as deep
 * as it likes. Batches go other ways, which are faster: assembly/.
 */

import type { Cursor } from "../base/cursor.ts";
import {
  CALL_ROLE,
  FLAGS,
  FUNCTION_ROLE,
  ROLE_BITS,
  ROLE_ITEM,
  ROLE_WANTED,
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
} from "./abbreviation-layout.ts";
import type { AbbreviationTable } from "./abbreviations.ts";
import { readForm, readIndirectForm } from "./attributes.ts";
import type { UnitShape } from "./unit-header.ts";

export class DieWalker {
  /** The current DIE: its offset in the unit, its abbreviation, its tag, and its depth below the DIE begun with. */
  offset = 0;
  index = 0;
  tag = 0;
  level = 0;
  /** After `nextCall`: the least depth between the DIE before and this one. Calls as deep or deeper have ended. */
  lowest = 0;
  /** Whether `nextFunction` jumped over anything. */
  skipped = false;
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
  /** Whether what is below the current DIE is of no interest to `nextFunction` or `nextCall`. */
  private mayJump = false;

  /** @param cursor on the unit's bytes, at the DIE to begin with; the walk ends behind the last DIE below that. */
  constructor(cursor: Cursor, shape: UnitShape, abbreviations: AbbreviationTable) {
    this.cursor = cursor;
    this.bytes = cursor.bytes;
    this.end = cursor.end;
    this.position = cursor.position;
    this.shape = shape;
    this.abbreviations = abbreviations;
  }

  /** Begins again at another DIE of the same unit. */
  restart(position: number): void {
    this.position = position;
    this.depth = 0;
    this.started = false;
    this.pending = false;
    this.skipped = false;
    this.mayJump = false;
  }

  /**
   * Moves to the next DIE in file order. A list of children that the unit's end cuts short ends there.
   *
   * @param floor the depth at which to end.
   * @returns false when there is none.
   * @throws MalformedError
   */
  next(floor = 0): boolean {
    if (this.pending) this.passAttributes();
    if (this.started && this.depth <= floor) return false;
    this.started = true;
    const { bytes, end } = this;
    for (;;) {
      const offset = this.position;
      if (offset >= end) return false;
      let code = bytes[this.position++];
      if (code >= 0x80) code = this.longCode(offset);
      if (code === 0) {
        this.depth--;
        if (this.depth <= floor) {
          this.depth = floor;
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

  /**
   * Moves to the next function with code (DW_TAG_subprogram); what was current is jumped over with all below it, unless
   * everything is looked at.
   *
   * @param everything look for functions below any DIE; otherwise only below units and namespaces, while `skipped` notes
   *   that something was jumped over.
   * @returns false when there is none.
   * @throws MalformedError
   */
  nextFunction(everything: boolean): boolean {
    return this.nextWanted(FUNCTION_ROLE, everything);
  }

  /**
   * Moves to the next DIE below a function that is an inlined call, or a function with calls of its own; looked for below
   * blocks only.
   *
   * @returns false when there is none.
   * @throws MalformedError
   */
  nextCall(): boolean {
    return this.nextWanted(CALL_ROLE, false);
  }

  private nextWanted(roles: number, everything: boolean): boolean {
    this.lowest = Number.POSITIVE_INFINITY;
    for (;;) {
      if (this.mayJump && !everything && this.skipToSibling()) this.skipped = true;
      if (!this.next()) return false;
      if (this.level < this.lowest) this.lowest = this.level;
      const { abbreviations } = this;
      const role = (abbreviations.words[abbreviations.record(this.index) + FLAGS] >> roles) & ROLE_BITS;
      // What stands below a call may be another one inside it.
      this.mayJump = role === ROLE_ITEM || (role === ROLE_WANTED && roles === FUNCTION_ROLE);
      if (role === ROLE_WANTED) return true;
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

  /** Jumps over everything below the current DIE, DIE by DIE if need be. */
  passBelow(): void {
    const { level } = this;
    if (!this.skipToSibling()) while (this.next(level));
  }

  private longCode(offset: number): number {
    this.cursor.position = offset;
    const code = this.cursor.uleb();
    this.position = this.cursor.position;
    return code;
  }

  /** Moves `position` behind the current DIE's attributes and notes its sibling. */
  private passAttributes(): void {
    const { abbreviations, index } = this;
    const { words } = abbreviations;
    const last = abbreviations.firstStep(index + 1);
    let at = this.position;
    this.pending = false;
    this.sibling = 0;
    // Reading past the unit gives undefined, and adding that gives NaN: one check at the end catches it all.
    for (let i = abbreviations.firstStep(index); i < last; i++) {
      const step = words[i];
      if (step >= 0) {
        at += step;
        continue;
      }
      at = this.passStep(step, at);
    }
    if (!(at <= this.end)) throw this.cursor.malformed("DIE runs off its unit", this.offset);
    this.position = at;
  }

  /** Passes a value whose length is in it. A sibling goes into `this.sibling`. */
  private passStep(step: number, from: number): number {
    const { bytes } = this;
    let at = from;
    switch (step) {
      case SKIP_LEB:
        while (bytes[at++] >= 0x80);
        return at;
      case SKIP_STRING:
        while (at < this.end && bytes[at] !== 0) at++;
        return at + 1;
      case SKIP_BLOCK1:
        return at + 1 + bytes[at];
      case SKIP_BLOCK:
        return bytes[at] < 0x80 ? at + 1 + bytes[at] : this.passRareStep(step, at);
      case SIBLING1:
        this.sibling = bytes[at];
        return at + 1;
      case SIBLING4:
        this.cursor.position = Math.min(at, this.end);
        this.sibling = this.cursor.u32();
        return at + 4;
      default:
        return this.passRareStep(step, at);
    }
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
        readForm(cursor, form, this.shape);
        break;
      }
    }
    return cursor.position;
  }
}
