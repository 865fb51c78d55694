/**
 * The calls that the compiler inlined into one function (DWARF 5 §3.3.8).
 *
 * The ranges stand in one list in file order, so that an inner call comes after the outer one it is part of. The last
 * one that contains an address is therefore the innermost, and its parents are the frames around it.
 */

import { LeaklineError } from "../base/errors.ts";
import * as dw from "./constants.ts";
import { Float64List, Int32List } from "./growable.ts";
import { MAX_FUNCTIONS } from "./limits.ts";
import { CodeRanges } from "./ranges.ts";
import { reasonOf } from "./reason.ts";
import type { Unit } from "./unit.ts";

export class InlinedCalls {
  /** Why some calls may be missing. */
  reason: string | undefined;
  private readonly begin = new Float64List();
  private readonly end = new Float64List();
  /** Which call each range is of. */
  private readonly call = new Int32List();
  /** By call: its DIE's offset in the unit, and the call around it or -1. */
  private readonly die = new Float64List();
  private readonly parent = new Int32List();

  /** @param functionDie offset in `unit` of the function's DIE. */
  constructor(unit: Unit, functionDie: number) {
    try {
      this.collect(unit, functionDie);
    } catch (error) {
      this.reason = reasonOf(error);
    }
  }

  /** Offsets in the unit of the DIEs of the calls that contain `address`, innermost first. */
  find(address: number): number[] {
    const begin = this.begin.values;
    const end = this.end.values;
    let range = this.begin.length - 1;
    while (range >= 0 && !(begin[range] <= address && address < end[range])) range--;
    const dies: number[] = [];
    if (range < 0) return dies;
    for (let call = this.call.values[range]; call >= 0; call = this.parent.values[call]) {
      dies.push(this.die.values[call]);
    }
    return dies;
  }

  /** Bytes of memory that the list takes, about. */
  get weight(): number {
    return this.begin.length * 20 + this.die.length * 12;
  }

  private collect(unit: Unit, functionDie: number): void {
    const { abbreviations } = unit;
    const ranges = new CodeRanges();
    // The calls around the current DIE, with their depths.
    const openCalls: number[] = [];
    const openLevels: number[] = [];
    // Below a nested function, which has its own calls: its depth.
    let nested = Number.POSITIVE_INFINITY;
    const walker = unit.walk(functionDie);
    walker.next();
    while (walker.next()) {
      const { level } = walker;
      if (level > nested) continue;
      nested = Number.POSITIVE_INFINITY;
      while (openLevels.length > 0 && openLevels[openLevels.length - 1] >= level) {
        openLevels.pop();
        openCalls.pop();
      }
      if (walker.tag === dw.DW_TAG_inlined_subroutine) {
        const call = this.die.length;
        this.die.push(walker.offset);
        this.parent.push(openCalls.length > 0 ? openCalls[openCalls.length - 1] : -1);
        openCalls.push(call);
        openLevels.push(level);
        if (!abbreviations.hasCode(walker.index)) continue;
        ranges.readFrom(unit, walker);
        for (let i = 0; i < ranges.pairs.length; i += 2) {
          this.begin.push(ranges.pairs.values[i]);
          this.end.push(ranges.pairs.values[i + 1]);
          this.call.push(call);
        }
        if (this.die.length > MAX_FUNCTIONS)
          throw new LeaklineError("limit", `${unit.name}: more than ${MAX_FUNCTIONS} calls inlined into a function`);
      } else if (walker.tag === dw.DW_TAG_subprogram) {
        if (!walker.skipToSibling()) nested = level;
      } else if (!mayHoldCalls(walker.tag)) {
        walker.skipToSibling();
      }
    }
  }
}

/** Whether inlined calls may stand below a DIE of this tag: blocks. Below anything else they cannot be of this function. */
export function mayHoldCalls(tag: number): boolean {
  return tag === dw.DW_TAG_lexical_block || tag === dw.DW_TAG_try_block || tag === dw.DW_TAG_catch_block;
}
