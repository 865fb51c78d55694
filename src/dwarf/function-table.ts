/**
 * The functions of a unit by address (DWARF 5 §3.3.1).
 *
 * One walk over the unit collects the ranges of every DW_TAG_subprogram with code. Where DW_AT_sibling allows, it jumps
 * over types, variables and the insides of functions. Such a place can hide a function: a member of a local class, a
 * nested function. So a walk in full follows when an address is not found in a unit where something was jumped over.
 */

import { LeaklineError } from "../base/errors.ts";
import type { DieWalker } from "./die-walker.ts";
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
  private readonly table: RangeTable;
  /** Whether something was jumped over. */
  private skipped = false;
  /** The walk in full. */
  private completeTable: RangeTable | undefined;

  constructor(unit: Unit) {
    this.unit = unit;
    this.table = this.collect(false);
  }

  /**
   * The function that contains `address`. Of several, the one that begins last, then the shortest, then the one that
   * stands last in the unit. What is hidden is looked at only when nothing else is found, in whatever order is asked.
   */
  find(address: number): FunctionHit | undefined {
    return hitIn(this.table, address) ?? (this.skipped ? hitIn(this.complete, address) : undefined);
  }

  /** Adds the ranges of all functions to another table, with one payload. */
  copyInto(other: RangeTable, payload: number): void {
    this.complete.copyInto(other, payload);
  }

  private get complete(): RangeTable {
    this.completeTable ??= this.skipped ? this.collect(true) : this.table;
    return this.completeTable;
  }

  /** Bytes of memory that the tables take, about. */
  get weight(): number {
    return (this.table.length + (this.completeTable?.length ?? 0)) * 56;
  }

  private collect(everything: boolean): RangeTable {
    const table = new RangeTable();
    const ranges = new CodeRanges();
    let damaged = 0;
    let walker: DieWalker | undefined;
    try {
      walker = this.unit.walk();
      while (walker.nextFunction(everything)) {
        try {
          ranges.readFrom(this.unit, walker.index, walker.attributes());
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
    } catch (error) {
      this.reason ??= reasonOf(error);
    }
    this.skipped ||= walker?.skipped ?? false;
    return table;
  }
}

function hitIn(table: RangeTable, address: number): FunctionHit | undefined {
  const row = table.find(address);
  return row < 0 ? undefined : { die: table.payloadAt(row), begin: table.beginAt(row), end: table.endAt(row) };
}
