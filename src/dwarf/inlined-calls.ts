/**
 * The calls that the compiler inlined into one function (DWARF 5 §3.3.8).
 *
 * The ranges stand in one list in file order, so that an inner call comes after the outer one it is part of. The last
 * one that contains an address is therefore the innermost, and its parents are the frames around it.
 */

import { LeaklineError } from "../base/errors.ts";
import * as dw from "./constants.ts";
import type { DieWalker } from "./die-walker.ts";
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
    const calls = new CallWalk();
    const { pairs } = calls.begin(unit, functionDie);
    while (calls.next()) {
      this.die.push(calls.die);
      this.parent.push(calls.parent);
      for (let i = 0; i < pairs.length; i += 2) {
        this.begin.push(pairs.values[i]);
        this.end.push(pairs.values[i + 1]);
        this.call.push(calls.call);
      }
      if (calls.call >= MAX_FUNCTIONS)
        throw new LeaklineError("limit", `${unit.name}: more than ${MAX_FUNCTIONS} calls inlined into a function`);
    }
  }
}

/** Goes through the calls inlined into a function in file order, each with the one around it. Used again and again. */
class CallWalk {
  /** The current call: its number from 0, its DIE's offset in the unit, and the number of the call around it or -1. */
  call = -1;
  die = 0;
  parent = -1;
  private readonly ranges = new CodeRanges();
  private unit: Unit | undefined;
  private walker!: DieWalker;
  // The calls around the current DIE, with their depths.
  private readonly openCalls = new Int32List();
  private readonly openLevels = new Int32List();

  /**
   * @param functionDie offset in `unit` of the function's DIE.
   * @param own is given the ranges of the function itself.
   * @returns what has the ranges of the current call, from `next` to `next`.
   * @throws LeaklineError when the function is damaged; so does `next`.
   */
  begin(unit: Unit, functionDie: number, own?: CodeRanges): CodeRanges {
    if (this.unit === unit) this.walker.restart(functionDie);
    else this.walker = unit.walk(functionDie);
    this.unit = unit;
    this.call = -1;
    this.openCalls.length = this.openLevels.length = 0;
    this.walker.next();
    own?.readFrom(unit, this.walker.index, this.walker.attributes());
    return this.ranges;
  }

  /** Moves to the next call. @returns false when there is none. */
  next(): boolean {
    const { walker, openCalls, openLevels, ranges } = this;
    const unit = this.unit as Unit;
    while (walker.nextCall()) {
      let open = openLevels.length;
      while (open > 0 && openLevels.values[open - 1] >= walker.lowest) open--;
      openLevels.length = openCalls.length = open;
      if (walker.tag === dw.DW_TAG_subprogram) {
        walker.passBelow(); // a nested function has its own calls
        continue;
      }
      this.parent = open > 0 ? openCalls.values[open - 1] : -1;
      this.call++;
      this.die = walker.offset;
      openCalls.push(this.call);
      openLevels.push(walker.level);
      if (unit.abbreviations.hasCode(walker.index)) ranges.readFrom(unit, walker.index, walker.attributes());
      else ranges.pairs.length = 0;
      return true;
    }
    return false;
  }
}
