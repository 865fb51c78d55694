/**
 * The DIEs of the unit at hand, in memory (DWARF 5 §2.3, §7.5.2): passing one, with the plan that its abbreviation was
 * compiled into. The walks are in functions.ts and calls.ts.
 */

import * as to from "../abbreviation-layout.ts";
import * as dw from "../constants.ts";
import { ATTRIBUTE_BYTES, RECORD_BYTES, wordAt } from "./abbreviations.ts";
import * as bytes from "./bytes.ts";
import * as forms from "./forms.ts";

// The unit: where its first byte is, and the one behind its last. Its abbreviation table, in parts.
export let unit: u32 = 0;
export let unitEnd: u32 = 0;
/** Where the root DIE is, in the unit. */
export let root: u32 = 0;
let records: u32 = 0;
let attributes: u32 = 0;
let codes: u32 = 0;
let codeList: u32 = 0;
let steps: u32 = 0;
/** Code below it was dropped by the linker; Infinity when nobody knows. */
let lowestCode: f64 = 0;

/** @param rootOffset where the root is, in the unit. The sizes are `forms.setShape`'s. */
export function setUnit(
  from: u32,
  end: u32,
  rootOffset: u32,
  table: u32,
  sizeOfAddress: i32,
  sizeOfOffset: i32,
  sizeOfRefAddr: i32,
  lowest: f64,
  littleEndian: bool,
): void {
  unit = from;
  unitEnd = end;
  root = rootOffset;
  forms.setShape(sizeOfAddress, sizeOfOffset, sizeOfRefAddr);
  records = table + to.HEAD_WORDS * 4;
  codes = wordAt(table, to.CODES);
  attributes = table + wordAt(table, to.ATTRIBUTES) * 4;
  codeList = table + wordAt(table, to.CODE_LIST) * 4;
  steps = table + wordAt(table, to.STEPS) * 4;
  lowestCode = lowest;
  bytes.setByteOrder(littleEndian);
}

/** In the place of a record: the end of a list of children, and a code that the table does not have. */
export const END_OF_LIST: u32 = 0;
export const NO_RECORD: u32 = 1;

/** After `readCode`: where the DIE's attributes begin. */
export let attributesAt: u32 = 0;

/** Reads the code of the DIE at a place. @returns the record of its abbreviation. */
export function readCode(at: u32): u32 {
  let code: u32 = load<u8>(at);
  attributesAt = at + 1;
  if (code >= 0x80) {
    bytes.seek(at);
    code = bytes.uleb32();
    attributesAt = bytes.position;
    // What stands behind the unit's end is none of its own.
    if (bytes.damaged || attributesAt > unitEnd) return NO_RECORD;
  }
  if (code === 0) return END_OF_LIST;
  if (code >= codes) return NO_RECORD;
  const index = load<i32>(codeList + (code << 2));
  return index < 0 ? NO_RECORD : records + <u32>index * RECORD_BYTES;
}

/** Where the attributes of a record are in its table: the first, and behind the last that is about names. */
export function firstNaming(record: u32): u32 {
  return attributes + wordAt(record, to.FIRST_ATTRIBUTE) * ATTRIBUTE_BYTES;
}

export function behindNaming(record: u32): u32 {
  return attributes + wordAt(record, to.NAMED_END) * ATTRIBUTE_BYTES;
}

/** After `passAttributes`: where DW_AT_sibling leads to, in memory; 0 without one. */
export let sibling: u32 = 0;

/**
 * Passes the attributes of a DIE.
 *
 * @param at where they begin, in the unit.
 * @returns where they end, which is behind `unitEnd` when they run off the unit.
 */
export function passAttributes(record: u32, at: u32): u32 {
  const size = <i32>wordAt(record, to.SIZE);
  if (size < 0) return passSteps(record, at);
  const place = <i32>wordAt(record, to.SIBLING);
  // Whatever is read behind the unit's end: that it is, is seen by whoever passed it.
  sibling = place < 0 || at + size > unitEnd ? 0 : unit + bytes.u32At(at + place);
  return at + size;
}

function passSteps(record: u32, from: u32): u32 {
  let at = from;
  sibling = 0;
  const last = steps + wordAt(record + RECORD_BYTES, to.FIRST_STEP) * 4;
  for (let i = steps + wordAt(record, to.FIRST_STEP) * 4; i < last; i += 4) {
    at = passValue(load<i32>(i), at);
    if (at > unitEnd) break;
  }
  return at;
}

/** Passes a value by its step. @returns where it ends, as `passAttributes` does. */
export function passValue(step: i32, from: u32): u32 {
  let at = from;
  if (step >= 0) return at + step;
  if (step !== to.SKIP_LEB) return passStep(step, at);
  while (load<u8>(at++) >= 0x80);
  return at;
}

/** Passes a value whose length is in it. */
function passStep(step: i32, from: u32): u32 {
  let at = from;
  switch (step) {
    case to.SKIP_STRING:
      while (load<u8>(at++) !== 0);
      return at;
    case to.SKIP_BLOCK1:
      return at + 1 + load<u8>(at);
    case to.SKIP_BLOCK2:
      return at + 2 + bytes.u16At(at);
    case to.SKIP_BLOCK4:
      return behind(at + 4, bytes.u32At(at));
    case to.SKIP_BLOCK: {
      bytes.seek(at);
      const length = bytes.uleb32();
      return bytes.damaged ? unitEnd + 1 : behind(bytes.position, length);
    }
    case to.SIBLING1:
      sibling = unit + load<u8>(at);
      return at + 1;
    case to.SIBLING2:
      sibling = unit + bytes.u16At(at);
      return at + 2;
    case to.SIBLING4:
      sibling = unit + bytes.u32At(at);
      return at + 4;
    case to.SIBLING_LEB:
      bytes.seek(at);
      sibling = unit + bytes.uleb32();
      return bytes.damaged ? unitEnd + 1 : bytes.position;
    default:
      // DW_FORM_indirect, which no compiler writes.
      return unitEnd + 1;
  }
}

/** Behind a block. Lengths near 2^32 must not lead round to the beginning of memory. */
function behind(at: u32, length: u32): u32 {
  return at > unitEnd || length > unitEnd - at ? unitEnd + 1 : at + length;
}

/** After `readPlainCode`, and `nextRange` of range-lists.ts. */
export let low: f64 = 0;
export let high: f64 = 0;

/** Reads the code of a DIE of which all is from one address to another. @returns whether there is any that the linker kept. */
export function readPlainCode(record: u32, at: u32): bool {
  low = addressAt(at + wordAt(record, to.PLACE_LOW));
  const place = at + wordAt(record, to.PLACE_HIGH);
  switch (wordAt(record, to.PLACE_HIGH + 1)) {
    case dw.DW_FORM_addr:
      high = addressAt(place);
      break;
    case dw.DW_FORM_data1:
      high = low + <f64>load<u8>(place);
      break;
    case dw.DW_FORM_data2:
      high = low + <f64>bytes.u16At(place);
      break;
    case dw.DW_FORM_data4:
      high = low + <f64>bytes.u32At(place);
      break;
    default:
      high = low + bytes.i64At(place);
  }
  return setRange(low, high);
}

/** @returns whether there is any code in it that the linker kept. */
export function setRange(begin: f64, end: f64): bool {
  low = begin;
  high = end;
  return begin < end && !isTombstone(begin, forms.addressSize, lowestCode);
}

export function addressAt(at: u32): f64 {
  if (forms.addressSize === 8) return bytes.i64At(at);
  return forms.addressSize === 4 ? <f64>bytes.u32At(at) : <f64>bytes.u16At(at);
}

/** As ranges.ts has it. @param lowest Infinity for a file that says nothing about it. */
export function isTombstone(begin: f64, bytesOfAddress: i32, lowest: f64): bool {
  const highest: f64 = bytesOfAddress === 4 ? 4294967295 : -1;
  if (begin === highest || begin === highest - 1) return true;
  return lowest === Infinity ? begin === 0 || begin === 1 : begin < lowest;
}

/** Where the DIE that a search has come to is, in the unit: the DIE, its abbreviation, and its attributes. */
export let foundDie: u32 = 0;
export let foundIndex: u32 = 0;
export let foundAttributes: u32 = 0;

export function setFound(die: u32, record: u32, attributes: u32): void {
  foundDie = die - unit;
  foundIndex = (record - records) / RECORD_BYTES;
  foundAttributes = attributes - unit;
}

/** The index in a sorted list of the first that is not below `wanted`. */
export function lowerBound(list: u32, count: u32, wanted: f64): u32 {
  let from: u32 = 0;
  let end = count;
  while (from < end) {
    const middle = (from + end) >> 1;
    if (load<f64>(list + (middle << 3)) < wanted) from = middle + 1;
    else end = middle;
  }
  return from;
}
