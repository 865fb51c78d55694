/**
 * Where functions start and end, from the entries of `.eh_frame` (Linux Standard Base 5, "Exception Frames").
 *
 * A stripped file still has them, since exceptions need them, so an address that no symbol covers can at least be told
 * apart from its neighbours. Each FDE gives one range.
 */

import { LeaklineError } from "../base/errors.ts";
import { stableOrder } from "../base/stable-order.ts";
import { upperBound } from "../base/upper-bound.ts";
import type { ElfFile } from "./elf-file.ts";
import { FrameReader, findEhFrame } from "./frame-reader.ts";

/** Function *i* is [starts[i], ends[i]), in virtual addresses, sorted by start. */
export type FunctionBounds = { starts: Float64Array; ends: Float64Array };

/**
 * The ranges of all FDEs; in a relocatable file, in the addresses of `layOutCode`. Damaged entries are left out and the
 * first of them is put into `elf.problems`.
 */
export function functionBounds(elf: ElfFile): FunctionBounds {
  const starts: number[] = [];
  const ends: number[] = [];
  try {
    const section = findEhFrame(elf);
    const reader = section && new FrameReader(elf, section);
    while (reader?.next()) {
      if (reader.size <= 0) continue;
      starts.push(reader.start);
      ends.push(reader.start + reader.size);
    }
    if (reader?.problem) elf.problems.push(reader.problem);
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    elf.problems.push(error);
  }
  const order = stableOrder(Float64Array.from(starts), starts.length, (a, b) => ends[a] - ends[b]);
  const sorted = { starts: new Float64Array(order.length), ends: new Float64Array(order.length) };
  for (let i = 0; i < order.length; i++) {
    sorted.starts[i] = starts[order[i]];
    sorted.ends[i] = ends[order[i]];
  }
  return sorted;
}

/** The range that contains `address`; of several, the one that starts last. */
export function findBounds(bounds: FunctionBounds, address: number): { start: number; end: number } | undefined {
  const { starts, ends } = bounds;
  const last = upperBound(starts, address) - 1;
  return last >= 0 && address < ends[last] ? { start: starts[last], end: ends[last] } : undefined;
}
