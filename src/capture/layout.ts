/**
 * The structures of `bpf/memleak.h`, as user space reads them. A test compares every number here with what a C
 * compiler makes of that header.
 */

import type { Losses, StackClass, StackEnd } from "../recording/events.ts";

/** enum operation. */
export const OPERATION = { allocate: 1, free: 2, map: 3, unmap: 4, resize: 5, allocateFramed: 6 } as const;

/** Where in a probe's cookie its parts begin, bits; the operation is at 0. */
export const COOKIE_SHIFT = { size: 4, count: 8, old: 12, out: 16, slot: 20, bytes: 36 } as const;

/** struct stack: depth, end, class, space, verified, unused (4 bytes each), then the addresses (8 each). */
export const STACK = {
  depth: 0,
  end: 4,
  class: 8,
  space: 12,
  verified: 16,
  addresses: 24,
  size: 24 + 128 * 8,
} as const;

/** struct stack_totals: four signed 64-bit numbers. */
export const STACK_TOTALS = { bytes: 0, blocks: 8, allocatedBytes: 16, allocatedBlocks: 24, size: 32 } as const;

/** struct settings: five 64-bit numbers. */
export const SETTINGS = {
  pidNamespaceDevice: 0,
  pidNamespaceInode: 8,
  pageSize: 16,
  sampleBytes: 24,
  sampleInverse: 32,
  size: 40,
} as const;

/** Map `decay` has one entry more. */
export const DECAY_STEPS = 96;

/** struct process: space, renumbered (4 bytes each). */
export const PROCESS = { space: 0, renumbered: 4, size: 8 } as const;

/** struct block_key: address (8 bytes), space, unused (4 each). */
export const BLOCK_KEY = { address: 0, space: 8, size: 16 } as const;

/** struct unwind_state: first mapping, mapping count, space, generation (4 bytes each). */
export const UNWIND_STATE = { firstMapping: 0, mappingCount: 4, space: 8, generation: 12, size: 16 } as const;

/** struct file_key: inode (8 bytes), device, unused (4 each). */
export const FILE_KEY = { inode: 0, device: 8, size: 16 } as const;

/** struct unwind_file: offset bias (8 bytes), first row, row count (4 each). */
export const UNWIND_FILE = { offsetBias: 0, firstRow: 8, rowCount: 12, size: 16 } as const;

/** struct seen_key: start (8 bytes), space, unused (4 each). */
export const SEEN_KEY = { start: 0, space: 8, size: 16 } as const;

/** struct seen_mapping: end, offset (8 bytes each), then a struct file_key. */
export const SEEN_MAPPING = { end: 0, offset: 8, file: 16, size: 32 } as const;

/** struct unwind_mapping: start, end, bias (8 bytes each), first row and row count (4 each). */
export const UNWIND_MAPPING = { start: 0, end: 8, bias: 16, firstRow: 24, rowCount: 28, size: 32 } as const;

/** A process has two halves of so many entries in map `unwind_mappings`. */
export const MAX_MAPPINGS = 1024;

/** enum stack_end; index: its value. */
export const STACK_ENDS: readonly StackEnd[] = [
  "end",
  "bad-frame-pointer",
  "unreadable",
  "too-deep",
  "no-rule",
  "bad-frame",
];

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

/** A signed 64-bit number as a number: exact below 2^53. */
export function readSigned(view: DataView, offset: number): number {
  return view.getInt32(offset + 4, true) * 4294967296 + view.getUint32(offset, true);
}
