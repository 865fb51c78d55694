/** Which of a recording's stacks reach the start of their thread, and where the others end. */

import { readFileSync } from "node:fs";
import type { Recording } from "../../src/recording/recording.ts";
import type { Symbolizer } from "../../src/symbolize/symbolizer.ts";

export type Counts = { stacks: number; allocations: number };

export type StackShare = {
  all: Counts;
  whole: Counts;
  /** By the reason and the place where the others end. */
  short: Map<string, Counts>;
};

/** Where glibc's threads begin: nothing calls these. The first thread begins at the program's entry point, named or not. */
const THREAD_STARTS = new Set(["_start", "clone", "__clone", "clone3", "__clone3"]);
/** More than the code of `_start` has in any libc. */
const START_SIZE = 64;

export function measureShare(recording: Recording, symbolizer: Symbolizer): StackShare {
  const share: StackShare = { all: none(), whole: none(), short: new Map() };
  for (const stack of recording.stacks.values()) {
    const allocations = recording.totals.get(stack.stack)?.allocatedBlocks ?? 0;
    add(share.all, allocations);
    const last = symbolizer.resolveStack(stack).at(-1);
    const entry = last?.module?.startsWith("/") ? entryPoint(last.module) : Number.NaN;
    const isEntry = (last?.moduleAddress ?? 0) - entry > 0 && (last?.moduleAddress ?? 0) - entry < START_SIZE;
    if (stack.end === "end" && (THREAD_STARTS.has(last?.symbol ?? "") || isEntry)) {
      add(share.whole, allocations);
      continue;
    }
    const file = last?.module?.split("/").at(-1) ?? "no file";
    const place = last?.symbol ?? (last?.moduleAddress === undefined ? "?" : `0x${last.moduleAddress.toString(16)}`);
    const reason = `${stack.end} in ${place} (${file})`;
    const counts = share.short.get(reason) ?? none();
    share.short.set(reason, counts);
    add(counts, allocations);
  }
  return share;
}

function none(): Counts {
  return { stacks: 0, allocations: 0 };
}

function add(counts: Counts, allocations: number): void {
  counts.stacks++;
  counts.allocations += allocations;
}

const entryPoints = new Map<string, number>();

/** e_entry of a 64-bit little-endian ELF file: 8 bytes at 24 (gABI, "ELF Header"). */
function entryPoint(path: string): number {
  let entry = entryPoints.get(path);
  if (entry === undefined) {
    entry = Number(readFileSync(path).readBigUInt64LE(24));
    entryPoints.set(path, entry);
  }
  return entry;
}
