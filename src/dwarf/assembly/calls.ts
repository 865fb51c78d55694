/**
 * The inlined calls of a function that contain given addresses (DWARF 5 §3.3.8), in one walk over the function, and the
 * names of all.
 *
 * An inner call stands behind the outer one it is part of, so the last one in file order that has an address is the
 * innermost. Calls that have one, and those around them, get a row each.
 */

import * as to from "../abbreviation-layout.ts";
import { NAME_RECORD } from "../batch/name-records.ts";
import { DONE, GIVEN_UP, WANTS_OWN_RANGES, WANTS_RANGES } from "../batch/search-states.ts";
import * as dw from "../constants.ts";
import { MAX_FUNCTIONS } from "../limits.ts";
import { wordAt } from "./abbreviations.ts";
import * as dies from "./dies.ts";
import { readNames } from "./names.ts";
import * as ranges from "./range-lists.ts";

/** Overlapping calls make each address be looked at once for each: so often, at most. */
const MAX_CLAIMS_EACH: u32 = 4096;
/** Calls within calls. */
const MAX_OPEN: u32 = 512;

const LEVEL: u32 = 0;
const DIE: u32 = 4;
const ROW: u32 = 8;
const OPEN_BYTES: u32 = 12;
const NAMES_BYTES: u32 = NAME_RECORD * 8;

// The addresses, ascending, and of each the row of the innermost call, or -1.
let addresses: u32 = 0;
let count: u32 = 0;
let innermost: u32 = 0;
// By row: its DIE in the unit, and the row of the call around it or -1.
let rowDies: u32 = 0;
let rowParents: u32 = 0;
/** A record for the function, and one for each row. */
let names: u32 = 0;
let maxRows: u32 = 0;
export let rowCount: u32 = 0;
// The calls around the place where the search is: depth, DIE and row of each.
let open: u32 = 0;
let openCount: u32 = 0;

let functionDie: u32 = 0;
/** After `beginCalls`, unless it wants them: from where to where the function's code is. */
export let functionLow: f64 = 0;
export let functionHigh: f64 = 0;

let position: u32 = 0;
let depth: i32 = 0;
/** The depth of a nested function that is being passed over, or -1. */
let hidden: i32 = -1;
let calls: u32 = 0;
let claims: u32 = 0;

/** Bytes of memory for the calls around a place. */
export function openRoom(): u32 {
  return MAX_OPEN * OPEN_BYTES;
}

/** Where all lists are, in memory; `rows` of them have room. */
export function setCallLists(
  list: u32,
  rowOf: u32,
  dieOf: u32,
  parentOf: u32,
  nameOf: u32,
  rows: u32,
  openCalls: u32,
): void {
  addresses = list;
  innermost = rowOf;
  rowDies = dieOf;
  rowParents = parentOf;
  names = nameOf;
  maxRows = rows;
  open = openCalls;
}

/**
 * @param die the function's, in the unit. @param length addresses to look up.
 * @returns WANTS_OWN_RANGES, those of the function, before it goes on; or what `searchCalls` does.
 */
export function beginCalls(die: u32, length: u32): i32 {
  count = length;
  functionDie = die;
  memory.fill(innermost, 0xff, length << 2);
  rowCount = 0;
  openCount = 0;
  hidden = -1;
  calls = 0;
  claims = 0;
  ranges.restartRanges();
  const record = dies.readCode(dies.unit + die);
  if (record === dies.NO_RECORD || record === dies.END_OF_LIST) return GIVEN_UP;
  dies.setFound(dies.unit + die, record, dies.attributesAt);
  position = dies.passAttributes(record, dies.attributesAt);
  if (position > dies.unitEnd) return GIVEN_UP;
  const flags = wordAt(record, to.FLAGS);
  depth = count > 0 && (flags & to.HAS_CHILDREN) !== 0 ? 1 : 0;
  const isPlain = (flags & to.PLAIN_CODE) !== 0 && <i32>wordAt(record, to.PLACE_ENTRY) < 0;
  if (!isPlain || !dies.readPlainCode(record, dies.attributesAt)) return WANTS_OWN_RANGES;
  functionLow = dies.low;
  functionHigh = dies.high;
  return searchCalls();
}

/** Goes on. @returns DONE, WANTS_RANGES (of `foundDie`, to be claimed before it goes on), or GIVEN_UP. */
export function searchCalls(): i32 {
  const end = dies.unitEnd;
  let at = position;
  while (depth > 0 && at < end) {
    const die = at;
    const record = dies.readCode(die);
    if (record === dies.NO_RECORD) return GIVEN_UP;
    if (record === dies.END_OF_LIST) {
      at = dies.attributesAt;
      depth--;
      continue;
    }
    const attributes = dies.attributesAt;
    at = dies.passAttributes(record, attributes);
    if (at > end) return GIVEN_UP;
    const flags = wordAt(record, to.FLAGS);
    const level = depth;
    const hasChildren = (flags & to.HAS_CHILDREN) !== 0;
    if (hidden >= 0) {
      if (level > hidden) {
        if (hasChildren) depth++;
        continue;
      }
      hidden = -1;
    }
    while (openCount > 0 && load<i32>(open + (openCount - 1) * OPEN_BYTES + LEVEL) >= level) openCount--;
    const role = (flags >> to.CALL_ROLE) & to.ROLE_BITS;
    const isCall = role === to.ROLE_WANTED && wordAt(record, to.TAG) === dw.DW_TAG_inlined_subroutine;
    if (hasChildren) {
      const mayJump = role === to.ROLE_ITEM || (role === to.ROLE_WANTED && !isCall);
      if (mayJump && dies.sibling > at && dies.sibling <= end) at = dies.sibling;
      else {
        // A nested function has calls of its own.
        if (role === to.ROLE_WANTED && !isCall) hidden = level;
        depth++;
      }
    }
    if (!isCall) continue;
    if (openCount >= MAX_OPEN || ++calls > <u32>MAX_FUNCTIONS) return GIVEN_UP;
    const top = open + openCount++ * OPEN_BYTES;
    store<i32>(top + LEVEL, level);
    store<u32>(top + DIE, die - dies.unit);
    store<i32>(top + ROW, -1);
    if ((flags & to.HAS_CODE) === 0) continue;
    if ((flags & to.PLAIN_CODE) !== 0) {
      if (dies.readPlainCode(record, attributes) && !claimCall(dies.low, dies.high)) return GIVEN_UP;
    } else if (ranges.beginRanges(record, attributes)) {
      while (ranges.nextRange()) if (!claimCall(dies.low, dies.high)) return GIVEN_UP;
      if (ranges.readTooManyRanges()) return GIVEN_UP;
    } else {
      dies.setFound(die, record, attributes);
      position = at;
      return WANTS_RANGES;
    }
  }
  readNames(functionDie, names);
  for (let row: u32 = 0; row < rowCount; row++)
    readNames(load<u32>(rowDies + (row << 2)), names + (row + 1) * NAMES_BYTES);
  return DONE;
}

/** The call that the search has come to has a range. @returns whether to go on. */
export function claimCall(begin: f64, end: f64): bool {
  let row: i32 = -1;
  for (let i = dies.lowerBound(addresses, count, begin); i < count; i++) {
    if (load<f64>(addresses + (i << 3)) >= end) break;
    if (++claims > count * MAX_CLAIMS_EACH) return false;
    if (row < 0) row = rowOfOpen();
    if (row < 0) return false;
    store<i32>(innermost + (i << 2), row);
  }
  return true;
}

/** The row of the call that the search is in; those around it get theirs, too. @returns -1 where there is no more room. */
function rowOfOpen(): i32 {
  let parent: i32 = -1;
  for (let i: u32 = 0; i < openCount; i++) {
    const call = open + i * OPEN_BYTES;
    let row = load<i32>(call + ROW);
    if (row < 0) {
      if (rowCount >= maxRows) return -1;
      row = rowCount++;
      store<i32>(call + ROW, row);
      store<u32>(rowDies + ((<u32>row) << 2), load<u32>(call + DIE));
      store<i32>(rowParents + ((<u32>row) << 2), parent);
    }
    parent = row;
  }
  return parent;
}
