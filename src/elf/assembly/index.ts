/**
 * The loop over a symbol table, compiled to WebAssembly: a large program has a million symbols. ../symbol-search.ts says
 * what is searched for.
 *
 * AssemblyScript: TypeScript's syntax, with integers of fixed size and memory that is read by address.
 */

import { SHN_COMMON, SHN_LORESERVE, SHN_UNDEF, STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE } from "../constants.ts";
import { ENTRY_SIZE, PLACE_SIZE } from "../symbol-places.ts";

/** The first byte of memory that is free. */
export function firstFree(): u32 {
  return <u32>__heap_base;
}

/** Rows that are in no list any more, and room for further ones. */
let free: u32 = 0;
let unused: u32 = 0;
let unusedEnd: u32 = 0;
/** Rows in lists that were looked at when a floor was raised: a few for each, but in files made to keep one busy. */
let passed: u32 = 0;
const MAX_PASSED: u32 = 1 << 26;

/** Before a pass: the room for rows in lists. */
export function beginPass(from: u32, end: u32): void {
  free = 0;
  unused = from;
  unusedEnd = end;
  passed = 0;
}

/**
 * Goes through rows. A symbol belongs to the first place at or behind its start: it is found when it starts at that
 * place's floor or contains it.
 *
 * @param from where the first row is. @param to where the last one ends. @param firstRow its number.
 * @param places by ascending address, `count` of them, 1 at least.
 * @param labels by section index, a byte: whether untyped symbols of it may be labels of code.
 * @returns false when there are too many around the places.
 */
export function searchRows(from: u32, to: u32, firstRow: u32, is64: bool, places: u32, count: u32, labels: u32): bool {
  const highest = load<f64>(places + (count - 1) * PLACE_SIZE);
  const size: u32 = is64 ? 24 : 16;
  // The place of the last row, mostly that of the next one, too: the one for starts in (above, upTo].
  let place = places;
  let above: f64 = Infinity;
  let upTo: f64 = -Infinity;
  let number = firstRow;
  for (let row = from; row < to; row += size, number++) {
    const begin = is64 ? <f64>load<i64>(row + 8) : <f64>load<u32>(row + 4);
    // Addresses first: all else of a row is seldom needed.
    if (begin > highest) continue;
    if (begin <= above || begin > upTo) {
      const first = firstAtOrBehind(begin, places, count);
      place = places + first * PLACE_SIZE;
      above = first > 0 ? load<f64>(place - PLACE_SIZE) : -Infinity;
      upTo = load<f64>(place);
    }
    const floor = load<f64>(place, 8);
    const end = begin + (is64 ? <f64>load<u64>(row + 16) : <f64>load<u32>(row + 8));
    if (begin < floor && end <= floor) continue;
    if (!isCode(load<u32>(row + (is64 ? 4 : 12)), labels)) continue;
    if (begin > floor) raise(place, begin);
    const entry = takeEntry();
    if (entry === 0 || passed > MAX_PASSED) return false;
    store<f64>(entry, <f64>number);
    store<f64>(entry, begin, 8);
    store<f64>(entry, end, 16);
    store<u32>(entry, load<u32>(place, 16), 24);
    store<u32>(place, entry, 16);
  }
  return true;
}

/** Index of a place; not all are below `address`. */
function firstAtOrBehind(address: f64, places: u32, count: u32): u32 {
  let first: u32 = 0;
  for (let high = count - 1; first < high; ) {
    const middle = (first + high) >> 1;
    if (load<f64>(places + middle * PLACE_SIZE) < address) first = middle + 1;
    else high = middle;
  }
  return first;
}

/** Of the rows around a place, those stay that contain its new floor. */
function raise(place: u32, floor: f64): void {
  store<f64>(place, floor, 8);
  let kept: u32 = 0;
  for (let entry = load<u32>(place, 16); entry !== 0; ) {
    const next = load<u32>(entry, 24);
    passed++;
    if (load<f64>(entry, 16) > floor) {
      store<u32>(entry, kept, 24);
      kept = entry;
    } else {
      store<u32>(entry, free, 24);
      free = entry;
    }
    entry = next;
  }
  store<u32>(place, kept, 16);
}

/** @returns 0 when there is no more room. */
function takeEntry(): u32 {
  let entry = free;
  if (entry !== 0) {
    free = load<u32>(entry, 24);
    return entry;
  }
  if (unused === unusedEnd) return 0;
  entry = unused;
  unused += ENTRY_SIZE;
  return entry;
}

/** @param word `st_info`, `st_other` and `st_shndx`, which lie side by side. */
function isCode(word: u32, labels: u32): bool {
  const type = word & 0xf;
  const section = word >> 16;
  if (section === SHN_UNDEF || section === SHN_COMMON) return false;
  if (type === STT_NOTYPE) return section < <u32>SHN_LORESERVE && load<u8>(labels + section) !== 0;
  return type === STT_FUNC || type === STT_GNU_IFUNC;
}
