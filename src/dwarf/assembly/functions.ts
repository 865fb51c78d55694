/**
 * The functions of a unit that contain given addresses (DWARF 5 §3.3.1), in one walk and without a table of all of them.
 *
 * As in FunctionTable, what DW_AT_sibling allows is jumped over; `skipped` says whether anything was.
 */

import * as to from "../abbreviation-layout.ts";
import { DONE, GIVEN_UP, WANTS_RANGES } from "../batch/search-states.ts";
import { MAX_FUNCTIONS } from "../limits.ts";
import { wordAt } from "./abbreviations.ts";
import * as dies from "./dies.ts";
import * as ranges from "./range-lists.ts";

/** Overlapping functions make each address be looked at more than once: so often for each, at most. */
const MAX_CLAIMS_EACH: u32 = 64;

// The addresses, ascending; and of each the function's DIE in the unit, or -1, and the range of it that has the address.
let addresses: u32 = 0;
let count: u32 = 0;
let foundDies: u32 = 0;
let begins: u32 = 0;
let ends: u32 = 0;

export let skipped: bool = false;
let everything: bool = false;
let position: u32 = 0;
let depth: i32 = 0;
let claims: u32 = 0;
let functions: u32 = 0;

/** @param all look for functions below any DIE. The lists are in memory. */
export function beginFunctions(all: bool, list: u32, length: u32, die: u32, begin: u32, end: u32): void {
  addresses = list;
  count = length;
  foundDies = die;
  begins = begin;
  ends = end;
  memory.fill(die, 0xff, length << 2);
  everything = all;
  skipped = false;
  position = dies.unit + dies.root;
  depth = 0;
  claims = 0;
  functions = 0;
  ranges.restartRanges();
}

/** Goes on. @returns DONE, WANTS_RANGES (of `foundDie`, to be claimed before it goes on), or GIVEN_UP. */
export function searchFunctions(): i32 {
  const end = dies.unitEnd;
  let at = position;
  while (at < end) {
    const die = at;
    const record = dies.readCode(die);
    if (record === dies.NO_RECORD) return GIVEN_UP;
    if (record === dies.END_OF_LIST) {
      at = dies.attributesAt;
      if (--depth <= 0) break;
      continue;
    }
    const attributes = dies.attributesAt;
    at = dies.passAttributes(record, attributes);
    if (at > end) return GIVEN_UP;
    const flags = wordAt(record, to.FLAGS);
    const role = (flags >> to.FUNCTION_ROLE) & to.ROLE_BITS;
    if ((flags & to.HAS_CHILDREN) !== 0) {
      // A sibling before this place would make the walk go round for ever.
      if (role !== to.ROLE_SCOPE && !everything && dies.sibling > at && dies.sibling <= end) {
        skipped = true;
        at = dies.sibling;
      } else depth++;
    }
    if (role === to.ROLE_WANTED) {
      dies.setFound(die, record, attributes);
      if ((flags & to.PLAIN_CODE) !== 0) {
        if (dies.readPlainCode(record, attributes) && !claimFunction(dies.low, dies.high)) return GIVEN_UP;
      } else if (ranges.beginRanges(record, attributes)) {
        while (ranges.nextRange()) if (!claimFunction(dies.low, dies.high)) return GIVEN_UP;
        if (ranges.readTooManyRanges()) return GIVEN_UP;
      } else {
        position = depth <= 0 ? end : at;
        return WANTS_RANGES;
      }
    }
    if (depth <= 0) break;
  }
  return DONE;
}

/**
 * The function that the search has come to has a range. Of several functions, an address belongs to the one that begins
 * last, then the shortest, then the last one.
 *
 * @returns whether to go on.
 */
export function claimFunction(begin: f64, end: f64): bool {
  if (++functions > <u32>MAX_FUNCTIONS) return false;
  for (let i = dies.lowerBound(addresses, count, begin); i < count; i++) {
    if (load<f64>(addresses + (i << 3)) >= end) break;
    if (++claims > (count + 1) * MAX_CLAIMS_EACH) return false;
    const begun = begins + (i << 3);
    const ended = ends + (i << 3);
    const found = foundDies + (i << 2);
    const isBetter = begin > load<f64>(begun) || (begin === load<f64>(begun) && end <= load<f64>(ended));
    if (load<i32>(found) >= 0 && !isBetter) continue;
    store<u32>(found, dies.foundDie);
    store<f64>(begun, begin);
    store<f64>(ended, end);
  }
  return true;
}
