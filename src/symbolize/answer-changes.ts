/**
 * Every address where the answer of a file may change, for an index of all of them: between two neighbours, all have
 * the same but for the offset. What the debug information adds is for dwarf/answer-changes.ts to say.
 */

import { Float64List } from "../dwarf/growable.ts";
import type { ElfFile, FunctionBounds, PltStub, SymbolIndex } from "../elf/index.ts";

/**
 * @param symbols all that are asked.
 * @param fromDwarf what the debug information adds, in no order; overwritten.
 * @returns ascending, each once, from the lowest number to the highest.
 */
export function answerChanges(
  { sections, segments }: ElfFile,
  symbols: readonly SymbolIndex[],
  stubs: readonly PltStub[],
  { starts, ends }: FunctionBounds,
  fromDwarf = new Float64List(),
): Float64Array {
  const all = fromDwarf;
  for (const index of symbols) for (const address of index.changes()) all.push(address);
  for (const { address, size } of [...sections, ...stubs]) pushBoth(all, address, address + size);
  for (const { address, memorySize } of segments) pushBoth(all, address, address + memorySize);
  for (const [i, start] of starts.entries()) pushBoth(all, start, ends[i]);
  pushBoth(all, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const sorted = all.values.subarray(0, all.length).sort();
  let count = 0;
  for (const address of sorted)
    if (Number.isSafeInteger(address) && (count === 0 || address !== sorted[count - 1])) sorted[count++] = address;
  // A copy: the list is several times as long.
  return sorted.slice(0, count);
}

function pushBoth(list: Float64List, begin: number, end: number): void {
  list.push(begin);
  list.push(end);
}
