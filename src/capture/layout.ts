/**
 * The structures of `bpf/memleak.h`, as user space reads them. A test compares every number here with what a C
 * compiler makes of that header.
 */

import type { Losses, StackClass, StackEnd } from "../recording/events.ts";

/** enum call: the cookie of a function's probes. */
export const CALL = {
  malloc: 1,
  calloc: 2,
  memalign: 3,
  posixMemalign: 4,
  realloc: 5,
  reallocarray: 6,
  free: 7,
  mmap: 8,
  mremap: 9,
  munmap: 10,
} as const;

/** struct stack: depth, end, class, unused (4 bytes each), then the addresses (8 each). */
export const STACK = { depth: 0, end: 4, class: 8, addresses: 16, size: 16 + 127 * 8 } as const;

/** struct stack_totals: four 64-bit counters. */
export const STACK_TOTALS = { bytes: 0, blocks: 8, allocatedBytes: 16, allocatedBlocks: 24, size: 32 } as const;

/** enum stack_end; index: its value. */
export const STACK_ENDS: readonly StackEnd[] = ["end", "bad-frame-pointer", "unreadable", "too-deep"];

/** enum stack_class; index: its value. */
export const STACK_CLASSES: readonly StackClass[] = ["heap", "mapping"];

/** enum counter: index in map `counters`. */
export const COUNTERS: { readonly [K in keyof Losses]: number } = {
  droppedBlocks: 0,
  droppedStacks: 1,
  droppedThreads: 2,
  missedFrees: 3,
  unmatchedFrees: 4,
  abandonedCalls: 5,
};

/** An unsigned 64-bit counter as a number: exact below 2^53. */
export function readCounter(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 4294967296 + view.getUint32(offset, true);
}
