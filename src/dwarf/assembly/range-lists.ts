/**
 * Range lists of .debug_rnglists (DWARF 5 §2.17.3, §7.25) and .debug_ranges (DWARF 4 §2.17.3), where a piece of the
 * unit's section is in memory.
 *
 * Those of one unit lie side by side, so most are in the piece that the last one was read from. Lists that count in
 * .debug_addr are for ranges.ts.
 */

import * as to from "../abbreviation-layout.ts";
import * as dw from "../constants.ts";
import { wordAt } from "./abbreviations.ts";
import * as bytes from "./bytes.ts";
import * as dies from "./dies.ts";
import * as forms from "./forms.ts";

// The piece: what its first byte is in the section, and where it begins and ends in memory.
let pieceStart: f64 = 0;
let piece: u32 = 0;
let pieceEnd: u32 = 0;

let unitBase: f64 = 0;
let mayRead: bool = false;
let isOld: bool = false;
let entries: u32 = 0;
let maxEntries: u32 = 0;

export function setRangePiece(start: f64, at: u32, end: u32): void {
  pieceStart = start;
  piece = at;
  pieceEnd = end;
}

/**
 * @param version of the unit, 0 when its lists are not to be read here. @param base its own address, from which lists
 *   count. @param limit entries that may be read.
 */
export function setRangeUnit(version: u32, base: f64, limit: u32): void {
  mayRead = version > 0;
  isOld = version < 5;
  unitBase = base;
  maxEntries = limit;
  entries = 0;
}

/** Counts entries from 0 again. */
export function restartRanges(): void {
  entries = 0;
}

/** Whether more entries were read than may be. */
export function readTooManyRanges(): bool {
  return entries > maxEntries;
}

/** Where the next entry is; 0 when the list is not here, or not to be read here. */
let next: u32 = 0;
let base: f64 = 0;

/**
 * Begins the list of a DIE whose attributes are at `at`.
 *
 * @returns whether it is in the piece.
 */
export function beginRanges(record: u32, at: u32): bool {
  if (!mayRead || wordAt(record, to.PLACES) !== 1 || <i32>wordAt(record, to.PLACE_RANGES) < 0) return false;
  if (wordAt(record, to.PLACE_RANGES + 1) !== dw.DW_FORM_sec_offset) return false;
  if (<i32>wordAt(record, to.PLACE_LOW) >= 0 && wordAt(record, to.PLACE_LOW + 1) !== dw.DW_FORM_addr) return false;
  const place = at + wordAt(record, to.PLACE_RANGES);
  const offset = (forms.offsetSize === 8 ? bytes.i64At(place) : <f64>bytes.u32At(place)) - pieceStart;
  if (!(offset >= 0 && offset < <f64>(pieceEnd - piece))) return false;
  next = piece + <u32>offset;
  base = unitBase;
  return isOld ? hasEnd(next) : isSound(next);
}

/** Whether a list of .debug_ranges ends within the piece. */
function hasEnd(from: u32): bool {
  const size = 2 * forms.addressSize;
  for (let at = from; at + size <= pieceEnd; at += size)
    if (dies.addressAt(at) === 0 && dies.addressAt(at + forms.addressSize) === 0) return true;
  return false;
}

/** Whether one of .debug_rnglists does, and has nothing but entries that are read here. */
function isSound(from: u32): bool {
  let at = from;
  while (at < pieceEnd) {
    const kind: u32 = load<u8>(at++);
    bytes.seek(at);
    switch (kind) {
      case dw.DW_RLE_end_of_list:
        return true;
      case dw.DW_RLE_offset_pair:
        bytes.uleb();
        bytes.uleb();
        break;
      case dw.DW_RLE_base_address:
        bytes.skip(forms.addressSize);
        break;
      case dw.DW_RLE_start_end:
        bytes.skip(2 * forms.addressSize);
        break;
      case dw.DW_RLE_start_length:
        bytes.skip(forms.addressSize);
        bytes.uleb();
        break;
      default:
        return false;
    }
    if (bytes.damaged) return false;
    at = bytes.position;
  }
  return false;
}

/** Moves to the next range that the linker kept: `dies.low`, `dies.high`. @returns false at the list's end. */
export function nextRange(): bool {
  const size = forms.addressSize;
  const highest: f64 = size === 4 ? 4294967295 : -1;
  if (isOld) return nextPair(size, highest);
  for (let kind: u32 = load<u8>(next); kind !== dw.DW_RLE_end_of_list; kind = load<u8>(next)) {
    bytes.seek(next + 1);
    entries++;
    let begin: f64 = 0;
    let end: f64 = 0;
    if (kind === dw.DW_RLE_offset_pair) {
      begin = <f64>bytes.uleb() + base;
      end = <f64>bytes.uleb() + base;
    } else {
      begin = dies.addressAt(bytes.position);
      bytes.skip(size);
      if (kind === dw.DW_RLE_start_end) {
        end = dies.addressAt(bytes.position);
        bytes.skip(size);
      } else if (kind === dw.DW_RLE_start_length) end = begin + <f64>bytes.uleb();
      else base = begin;
    }
    next = bytes.position;
    if (kind === dw.DW_RLE_base_address) continue;
    // A base that is a tombstone makes tombstones of all that count from it.
    if (kind === dw.DW_RLE_offset_pair && base === highest) continue;
    if (dies.setRange(begin, end)) return true;
  }
  return false;
}

/** As that, in .debug_ranges: pairs of addresses, of which some say from where the others count. */
function nextPair(size: u32, highest: f64): bool {
  let begin = dies.addressAt(next);
  let end = dies.addressAt(next + size);
  while (begin !== 0 || end !== 0) {
    next += 2 * size;
    entries++;
    if (begin === highest) base = end;
    else if (begin !== highest - 1 && base !== highest && dies.setRange(begin + base, end + base)) return true;
    begin = dies.addressAt(next);
    end = dies.addressAt(next + size);
  }
  return false;
}
