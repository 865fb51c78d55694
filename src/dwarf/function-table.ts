/**
 * The functions of a unit by address (DWARF 5 §3.3.1).
 *
 * One walk over the unit collects the ranges of every DW_TAG_subprogram with code. Where DW_AT_sibling allows, it jumps
 * over types, variables and the insides of functions. Such a place can hide a function: a member of a local class, a
 * nested function. So a walk in full follows when an address is not found in a unit where something was jumped over.
 */

import { LeaklineError } from "../base/errors.ts";
import * as dw from "./constants.ts";
import { MAX_DAMAGED, MAX_FUNCTIONS } from "./limits.ts";
import { RangeTable } from "./range-table.ts";
import { CodeRanges } from "./ranges.ts";
import { reasonOf } from "./reason.ts";
import type { Unit } from "./unit.ts";

/** A function's DIE, by its offset in the unit, and that range of it which contains the address asked for. */
export type FunctionHit = { readonly die: number; readonly begin: number; readonly end: number };

export class FunctionTable {
  /** Why some of the unit could not be read. What was read is there. */
  reason: string | undefined;
  private readonly unit: Unit;
  private table: RangeTable;
  private skipped = false;

  constructor(unit: Unit) {
    this.unit = unit;
    this.table = this.collect(false);
  }

  /**
   * The function that contains `address`. Of several, the one that begins last, then the shortest, then the one that
   * stands last in the unit.
   */
  find(address: number): FunctionHit | undefined {
    let row = this.table.find(address);
    if (row < 0 && this.completeWalk()) row = this.table.find(address);
    if (row < 0) return undefined;
    return { die: this.table.payloadAt(row), begin: this.table.beginAt(row), end: this.table.endAt(row) };
  }

  /** Adds the ranges of all functions to another table, with one payload. */
  copyInto(other: RangeTable, payload: number): void {
    this.completeWalk();
    this.table.copyInto(other, payload);
  }

  /** Walks the unit in full if that was not done yet and something was jumped over. Returns whether it did. */
  private completeWalk(): boolean {
    if (!this.skipped) return false;
    this.skipped = false;
    this.table = this.collect(true);
    return true;
  }

  /** Bytes of memory that the table takes, about. */
  get weight(): number {
    return this.table.length * 56;
  }

  private collect(everything: boolean): RangeTable {
    const table = new RangeTable();
    const { abbreviations } = this.unit;
    const ranges = new CodeRanges();
    let damaged = 0;
    try {
      const walker = this.unit.walk();
      while (walker.next()) {
        if (walker.tag === dw.DW_TAG_subprogram && abbreviations.hasCode(walker.index)) {
          try {
            ranges.readFrom(this.unit, walker);
          } catch (error) {
            // One damaged range list costs one function.
            this.reason ??= reasonOf(error);
            if (++damaged > MAX_DAMAGED) throw error;
            continue;
          }
          for (let i = 0; i < ranges.pairs.length; i += 2)
            table.add(ranges.pairs.values[i], ranges.pairs.values[i + 1], walker.offset);
          if (table.length > MAX_FUNCTIONS)
            throw new LeaklineError("limit", `${this.unit.name}: more than ${MAX_FUNCTIONS} functions`);
        }
        if (!everything && !mayHoldFunctions(walker.tag) && walker.skipToSibling()) this.skipped = true;
      }
    } catch (error) {
      this.reason ??= reasonOf(error);
    }
    return table;
  }
}

/** Whether functions commonly stand right below a DIE of this tag. */
export function mayHoldFunctions(tag: number): boolean {
  switch (tag) {
    case dw.DW_TAG_compile_unit:
    case dw.DW_TAG_partial_unit:
    case dw.DW_TAG_skeleton_unit:
    case dw.DW_TAG_namespace:
    case dw.DW_TAG_module:
      return true;
    default:
      return false;
  }
}
