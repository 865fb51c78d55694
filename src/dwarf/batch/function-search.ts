/**
 * The functions of a unit that contain given addresses (DWARF 5 §3.3.1), in one walk and without a table of all of them.
 *
 * As in FunctionTable, what DW_AT_sibling allows is jumped over, and the unit is walked again in full for the addresses
 * that were not found: a function may hide in a class or in another function.
 */

import { MAX_FUNCTIONS } from "../limits.ts";
import { CodeRanges } from "../ranges.ts";
import type { Unit } from "../unit.ts";
import { lowerBound, roomFor } from "./sorted.ts";

/** By index of the address; reused from unit to unit. */
export class FunctionHits {
  /** Offset in the unit of the function's DIE; -1 where there is none. */
  die = new Float64Array(0);
  /** The range of it that has the address: of several, the one that begins last, then the shortest, then the last one. */
  begin = new Float64Array(0);
  end = new Float64Array(0);

  reset(count: number): void {
    if (count > this.die.length) {
      const room = roomFor(count);
      this.die = new Float64Array(room);
      this.begin = new Float64Array(room);
      this.end = new Float64Array(room);
    }
    this.die.fill(-1, 0, count);
  }
}

/** Overlapping functions make each address be looked at more than once: so often for each, at most. */
const MAX_CLAIMS_EACH = 64;

/**
 * Finds the functions of addresses.
 *
 * @param addresses ascending; the first `count` of them are looked up.
 * @returns false when more functions overlap than compilers write.
 * @throws LeaklineError when the unit is damaged.
 */
export function searchFunctions(unit: Unit, addresses: Float64Array, count: number, hits: FunctionHits): boolean {
  hits.reset(count);
  const first = walk(unit, addresses, count, hits, false);
  if (first !== "skipped") return first === "done";
  const missing = addresses.slice(0, count).filter((_, i) => hits.die[i] < 0);
  if (missing.length === 0) return true;
  const rest = new FunctionHits();
  rest.reset(missing.length);
  if (walk(unit, missing, missing.length, rest, true) === "given up") return false;
  for (let i = 0, from = 0; i < count; i++) {
    if (hits.die[i] >= 0) continue;
    hits.die[i] = rest.die[from];
    hits.begin[i] = rest.begin[from];
    hits.end[i] = rest.end[from++];
  }
  return true;
}

function walk(
  unit: Unit,
  addresses: Float64Array,
  count: number,
  hits: FunctionHits,
  everything: boolean,
): "done" | "skipped" | "given up" {
  const ranges = new CodeRanges();
  const { die, begin, end } = hits;
  const maxClaims = (count + 1) * MAX_CLAIMS_EACH;
  let claims = 0;
  let functions = 0;
  const walker = unit.walk();
  while (walker.nextFunction(everything)) {
    ranges.readFrom(unit, walker);
    const { values, length } = ranges.pairs;
    for (let pair = 0; pair < length; pair += 2) {
      const low = values[pair];
      const high = values[pair + 1];
      for (let i = lowerBound(addresses, count, low); i < count && addresses[i] < high; i++) {
        if (++claims > maxClaims) return "given up";
        if (die[i] >= 0 && !(low > begin[i] || (low === begin[i] && high <= end[i]))) continue;
        die[i] = walker.offset;
        begin[i] = low;
        end[i] = high;
      }
      if (++functions > MAX_FUNCTIONS) return "given up";
    }
  }
  return walker.skipped ? "skipped" : "done";
}
