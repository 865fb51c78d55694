/**
 * The loop over a symbol table, compiled to WebAssembly: a large program has a million symbols. ../symbol-search.ts says
 * what is searched for.
 *
 * AssemblyScript: TypeScript's syntax, with integers of fixed size and memory that is read by address.
 */

import { SHN_COMMON, SHN_LORESERVE, SHN_UNDEF, STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE } from "../constants.ts";

/** The first byte of memory that is free. */
export function firstFree(): u32 {
  return <u32>__heap_base;
}

/**
 * A *place* is an address with what was found for it, in bytes:
 *
 *     0    the address
 *     8    its floor: the start of the last symbol at or before it; -Infinity at first
 *     16   how many rows are around the floor; 0 at first
 *     24   of each, its number, and where its symbol begins and ends
 */
export function placeSize(): u32 {
  return PLACE_HEADER + MAX_AROUND * ENTRY;
}

const PLACE_HEADER: u32 = 24;
const ENTRY: u32 = 24;

/** Rows around one floor: more are found only where a linker gave one piece of code hundreds of names. */
const MAX_AROUND: u32 = 256;

/**
 * Goes through rows. A symbol belongs to the first place at or behind its start: it is found when it starts at that
 * place's floor or contains it.
 *
 * @param from where the first row is. @param to where the last one ends. @param firstRow its number.
 * @param places by ascending address, `count` of them, 1 at least.
 * @param labels by section index, a byte: whether untyped symbols of it may be labels of code.
 * @returns false when there are too many around one place.
 */
export function searchRows(from: u32, to: u32, firstRow: u32, is64: bool, places: u32, count: u32, labels: u32): bool {
  const stride = placeSize();
  const highest = load<f64>(places + (count - 1) * stride);
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
      place = places + first * stride;
      above = first > 0 ? load<f64>(place - stride) : -Infinity;
      upTo = load<f64>(place);
    }
    const floor = load<f64>(place, 8);
    const end = begin + (is64 ? <f64>load<u64>(row + 16) : <f64>load<u32>(row + 8));
    if (begin < floor && end <= floor) continue;
    if (!isCode(load<u32>(row + (is64 ? 4 : 12)), labels)) continue;
    if (begin > floor) raise(place, begin);
    const around = load<u32>(place, 16);
    if (around === MAX_AROUND) return false;
    store<u32>(place, around + 1, 16);
    const entry = place + PLACE_HEADER + around * ENTRY;
    store<f64>(entry, <f64>number);
    store<f64>(entry, begin, 8);
    store<f64>(entry, end, 16);
  }
  return true;
}

/** Index of a place; not all are below `address`. */
function firstAtOrBehind(address: f64, places: u32, count: u32): u32 {
  const stride = placeSize();
  let first: u32 = 0;
  for (let high = count - 1; first < high; ) {
    const middle = (first + high) >> 1;
    if (load<f64>(places + middle * stride) < address) first = middle + 1;
    else high = middle;
  }
  return first;
}

/** Of the rows around a place, those stay that contain its new floor. */
function raise(place: u32, floor: f64): void {
  store<f64>(place, floor, 8);
  const entries = place + PLACE_HEADER;
  const behind = entries + load<u32>(place, 16) * ENTRY;
  let count: u32 = 0;
  for (let entry = entries; entry < behind; entry += ENTRY)
    if (load<f64>(entry, 16) > floor) memory.copy(entries + count++ * ENTRY, entry, ENTRY);
  store<u32>(place, count, 16);
}

/** @param word `st_info`, `st_other` and `st_shndx`, which lie side by side. */
function isCode(word: u32, labels: u32): bool {
  const type = word & 0xf;
  const section = word >> 16;
  if (section === SHN_UNDEF || section === SHN_COMMON) return false;
  if (type === STT_NOTYPE) return section < <u32>SHN_LORESERVE && load<u8>(labels + section) !== 0;
  return type === STT_FUNC || type === STT_GNU_IFUNC;
}
