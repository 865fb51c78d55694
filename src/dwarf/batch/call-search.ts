/**
 * The inlined calls of one function that contain given addresses (DWARF 5 §3.3.8), in one walk over the function.
 *
 * As in InlinedCalls: an inner call stands behind the outer one it is part of, so the last one in file order that has
 * an address is the innermost, and those around it are the frames. Only the addresses are kept, not the ranges.
 */

import { Float64List, Int32List } from "../growable.ts";
import { CallWalk } from "../inlined-calls.ts";
import { MAX_FUNCTIONS } from "../limits.ts";
import { CodeRanges } from "../ranges.ts";
import type { Unit } from "../unit.ts";
import { lowerBound, roomFor } from "./sorted.ts";

/** Overlapping calls make each address be looked at once for each: so often, at most. */
const MAX_CLAIMS_EACH = 4096;

export class CallSearch {
  /** The ranges of the function itself. */
  readonly code = new CodeRanges();
  /** By call: its DIE's offset in the unit, and the call around it or -1. */
  readonly die = new Float64List();
  readonly parent = new Int32List();
  /** By index of the address: the innermost call, or -1. */
  innermost = new Int32Array(0);
  private readonly calls = new CallWalk();

  /**
   * Searches one function; what was found for the last one is gone.
   *
   * @param functionDie offset in `unit` of the function's DIE.
   * @param addresses ascending; the first `count` of them are looked up: with 0, only the function's ranges.
   * @returns false when there is more here than compilers write.
   * @throws LeaklineError when the function is damaged.
   */
  search(unit: Unit, functionDie: number, addresses: Float64Array, count: number): boolean {
    const { die, parent, calls } = this;
    const ranges = calls.begin(unit, functionDie, this.code);
    const maxClaims = count * MAX_CLAIMS_EACH;
    let claims = 0;
    die.length = parent.length = 0;
    if (count > this.innermost.length) this.innermost = new Int32Array(roomFor(count));
    const { innermost } = this;
    innermost.fill(-1, 0, count);
    while (count > 0 && calls.next()) {
      const { call } = calls;
      die.push(calls.die);
      parent.push(calls.parent);
      const { values, length } = ranges.pairs;
      for (let pair = 0; pair < length; pair += 2) {
        const high = values[pair + 1];
        for (let i = lowerBound(addresses, count, values[pair]); i < count && addresses[i] < high; i++) {
          if (++claims > maxClaims) return false;
          innermost[i] = call;
        }
      }
      if (call >= MAX_FUNCTIONS) return false;
    }
    return true;
  }
}
