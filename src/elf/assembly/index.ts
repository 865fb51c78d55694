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

/** The first address of the symbol found. */
export let start: f64 = 0;

/**
 * The next row whose symbol contains the first mark at or behind its start. One that starts above that mark's floor is
 * returned, too, or else only raises the floor.
 *
 * @param from the first row to look at. @param to where the rows end. @param marks ascending; so many as `count`, 1 at
 *   least, and as many `floors`. @param labels by section index, a byte: whether untyped symbols of it may be labels of code.
 * @param raises whether floors are raised.
 * @returns where the row is, or `to`.
 */
export function nextRow(
  from: u32,
  to: u32,
  is64: bool,
  marks: u32,
  floors: u32,
  count: u32,
  labels: u32,
  raises: bool,
): u32 {
  const highest = load<f64>(marks + ((count - 1) << 3));
  const size: u32 = is64 ? 24 : 16;
  for (let row = from; row < to; row += size) {
    const begin = is64 ? <f64>load<i64>(row + 8) : <f64>load<u32>(row + 4);
    // Addresses first: all else of a row is seldom needed.
    if (begin > highest) continue;
    let first: u32 = 0;
    for (let high = count - 1; first < high; ) {
      const middle = (first + high) >> 1;
      if (load<f64>(marks + (middle << 3)) < begin) first = middle + 1;
      else high = middle;
    }
    const behind = begin + (is64 ? <f64>load<u64>(row + 16) : <f64>load<u32>(row + 8));
    const contains = behind > load<f64>(marks + (first << 3));
    const isAbove = begin > load<f64>(floors + (first << 3));
    if (!contains && !isAbove) continue;
    if (!isCode(load<u32>(row + (is64 ? 4 : 12)), labels)) continue;
    if (raises && isAbove) store<f64>(floors + (first << 3), begin);
    if (raises && !contains) continue;
    start = begin;
    return row;
  }
  return to;
}

/** @param word `st_info`, `st_other` and `st_shndx`, which lie side by side. */
function isCode(word: u32, labels: u32): bool {
  const type = word & 0xf;
  const section = word >> 16;
  if (section === SHN_UNDEF || section === SHN_COMMON) return false;
  if (type === STT_NOTYPE) return section < <u32>SHN_LORESERVE && load<u8>(labels + section) !== 0;
  return type === STT_FUNC || type === STT_GNU_IFUNC;
}
