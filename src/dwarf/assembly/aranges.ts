/**
 * .debug_aranges (DWARF 5 §6.1.2), set by set: of each, its unit, and the ranges that have one of some addresses, or all.
 */

import { LENGTH_64, LENGTH_RESERVED } from "../constants.ts";
import * as bytes from "./bytes.ts";
import { isTombstone, lowerBound } from "./dies.ts";

/** After `readAranges`: where the first set is that was not read, and why. */
export let arangesEnd: u32 = 0;
export let arangesState: u32 = 0;
/** Ranges that were seen, and how many of each list were found. */
export let seenCount: u32 = 0;
export let rangeCount: u32 = 0;
export let setCount: u32 = 0;

/** All sets were read. */
const WHOLE: u32 = 0;
/** The next set goes on behind the end of what was given. */
const CUT: u32 = 1;
/** The length of the next set is damaged. */
const DAMAGED: u32 = 2;

/** A length, a version, an offset, two sizes. */
const HEADER: u32 = 12;
const HEADER_64: u32 = 24;

/** Bytes of memory for the ranges, and for the sets, of a part of the section that is so long. */
export function rangeRoom(length: u32): u32 {
  return (length / 8 + 1) * 24;
}

export function setRoom(length: u32): u32 {
  return (length / HEADER + 1) * 16;
}

/**
 * Reads whole sets.
 *
 * @param wanted addresses, ascending, `count` of them; with none, all ranges are found.
 * @param lowest of the file's code; Infinity when nobody knows.
 * @param ranges where begin, end and unit of each range go. @param sets where the unit of each set goes, and whether all of
 *   it was there.
 */
export function readAranges(
  from: u32,
  end: u32,
  wanted: u32,
  count: u32,
  lowest: f64,
  littleEndian: bool,
  ranges: u32,
  sets: u32,
): void {
  bytes.setByteOrder(littleEndian);
  seenCount = 0;
  rangeCount = 0;
  setCount = 0;
  arangesState = WHOLE;
  let at = from;
  while (at < end) {
    arangesEnd = at;
    arangesState = CUT;
    if (end - at < HEADER) return;
    const first = bytes.u32At(at);
    const is64 = first === LENGTH_64;
    if (!is64 && first >= LENGTH_RESERVED) {
      arangesState = DAMAGED;
      return;
    }
    if (is64 && end - at < HEADER_64) return;
    const length = is64 ? bytes.i64At(at + 4) : <f64>first;
    const content = at + (is64 ? 12 : 4);
    if (!(length >= 0) || length > <f64>(end - content)) return;
    const behind = content + <u32>length;
    // Version, offset of the unit, sizes of an address and of a segment.
    const offset = content + 2;
    const sizes = offset + (is64 ? 8 : 4);
    if (sizes + 2 > behind) {
      arangesState = DAMAGED;
      return;
    }
    const unit = is64 ? bytes.i64At(offset) : <f64>bytes.u32At(offset);
    const addressSize: u32 = load<u8>(sizes);
    if ((addressSize === 4 || addressSize === 8) && load<u8>(sizes + 1) === 0) {
      const set = sets + setCount++ * 16;
      store<f64>(set, unit);
      // Tuples begin at a multiple of their size, counted from the set's beginning.
      const tuple: u32 = 2 * addressSize;
      const tuples = at + ((sizes + 2 - at + tuple - 1) / tuple) * tuple;
      const isWhole = readTuples(tuples, behind, addressSize, wanted, count, lowest, unit, ranges);
      store<f64>(set + 8, isWhole ? 1 : 0);
    }
    at = behind;
  }
  arangesEnd = at;
  arangesState = WHOLE;
}

/** @returns whether the pair of zeros that ends a set is its last: a linker may have zeroed what it dropped. */
function readTuples(
  from: u32,
  end: u32,
  addressSize: u32,
  wanted: u32,
  count: u32,
  lowest: f64,
  unit: f64,
  ranges: u32,
): bool {
  const tuple: u32 = 2 * addressSize;
  for (let at = from; at <= end && tuple <= end - at; at += tuple) {
    const begin = addressSize === 8 ? bytes.i64At(at) : <f64>bytes.u32At(at);
    const length = addressSize === 8 ? bytes.i64At(at + 8) : <f64>bytes.u32At(at + 4);
    if (begin === 0 && length === 0) return end - at < 2 * tuple;
    const behind = begin + length;
    if (!(begin < behind) || isTombstone(begin, addressSize, lowest)) continue;
    seenCount++;
    if (count > 0) {
      const next = lowerBound(wanted, count, begin);
      if (next === count || load<f64>(wanted + (next << 3)) >= behind) continue;
    }
    const range = ranges + rangeCount++ * 24;
    store<f64>(range, begin);
    store<f64>(range + 8, behind);
    store<f64>(range + 16, unit);
  }
  return false;
}
