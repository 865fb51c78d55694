/** The text report, against the tutorial's own output and layouts written by hand. */

import { expect, test } from "vitest";
import { noLosses } from "../recording/events.ts";
import type { Frame } from "../symbolize/frame.ts";
import type { Report, ReportStack } from "./model.ts";
import { renderText } from "./text.ts";

const FILE = "/home/u/test_memleak.c";

function frame(address: bigint, rest: Partial<Frame> = {}): Frame {
  return { address, inlined: false, module: "/home/u/test_memleak", moduleAddress: 0x6f2, ...rest };
}

/** The tutorial's stack, as its first page shows it. */
const TUTORIAL: ReportStack = {
  id: 0x3f3,
  class: "heap",
  bytes: 12,
  blocks: 3,
  allocatedBytes: 12,
  allocatedBlocks: 3,
  end: "end",
  frames: [
    frame(0x555b65a096f2n, { symbol: "alloc_v3", offset: 0x18, file: FILE, line: 8 }),
    frame(0x555b65a09711n, { symbol: "alloc_v2", offset: 0x15, file: FILE, line: 15 }),
    frame(0x555b65a09730n, { symbol: "alloc_v1", offset: 0x15, file: FILE, line: 22 }),
    frame(0x555b65a09770n, { symbol: "main", offset: 0x36, file: FILE, line: 35 }),
    frame(0x7fe8c8a7bc87n, { symbol: "__libc_start_main", offset: 0xe7, reason: "no debug information" }),
    { address: 0x5f6258d4c544155n, inlined: false },
  ],
};

function report(stacks: ReportStack[], rest: Partial<Report> = {}): Report {
  const bytes = stacks.reduce((sum, stack) => sum + stack.bytes, 0);
  const blocks = stacks.reduce((sum, stack) => sum + stack.blocks, 0);
  return {
    version: 1,
    kind: "report",
    time: Date.UTC(2024, 1, 29, 9, 5, 3),
    final: false,
    process: { pid: 22487, name: "test_memleak", executable: "/home/u/test_memleak" },
    totals: { bytes, blocks, stacks: stacks.length },
    stacks,
    quality: { ...noLosses(), damage: undefined },
    ...rest,
  };
}

function lines(given: Report, fullPaths = false): string[] {
  return renderText(given, { fullPaths }).split("\n");
}

test("the tutorial's stack looks as in the tutorial", () => {
  expect(lines(report([TUTORIAL]))).toEqual([
    "[09:05:03] test_memleak (22487): 12 bytes outstanding in 3 allocations from 1 stack",
    "stack_id=0x3f3 with outstanding allocations: total_size=12 nr_allocs=3",
    "  0 [<0000555b65a096f2>] alloc_v3+0x18 test_memleak.c:8",
    "  1 [<0000555b65a09711>] alloc_v2+0x15 test_memleak.c:15",
    "  2 [<0000555b65a09730>] alloc_v1+0x15 test_memleak.c:22",
    "  3 [<0000555b65a09770>] main+0x36 test_memleak.c:35",
    "  4 [<00007fe8c8a7bc87>] __libc_start_main+0xe7",
    "  5 [<05f6258d4c544155>]",
    "data quality: nothing dropped; 0 frees of blocks from before the start",
    "",
  ]);
});

test("inlined functions share the number of the one they were inlined into; what has no name says why", () => {
  const frames = [
    frame(0x1000n, { symbol: "inner", inlined: true, file: FILE, line: 3 }),
    frame(0x1000n, { symbol: "outer", offset: 0x10, file: FILE, line: 9 }),
    frame(0x2000n, { reason: "stripped: no symbol covers it" }),
    { address: 0x3000n, inlined: false, reason: "in [anon], which is not a file" },
  ];
  expect(lines(report([{ ...TUTORIAL, class: "mapping", frames, end: "too-deep" }]), true).slice(1, 7)).toEqual([
    "stack_id=0x3f3 with outstanding allocations (mmap): total_size=12 nr_allocs=3",
    "  0 [<0000000000001000>] inner [inlined] /home/u/test_memleak.c:3",
    "                           outer+0x10 /home/u/test_memleak.c:9",
    "  1 [<0000000000002000>] test_memleak+0x6f2 (stripped: no symbol covers it)",
    "  2 [<0000000000003000>] (in [anon], which is not a file)",
    "    (stack cut short: deeper than 127 frames)",
  ]);
});

test("a stack that ends in the C library's start code is whole, whatever ended the walk", () => {
  const upTo = (count: number): ReportStack => ({
    ...TUTORIAL,
    end: "bad-frame-pointer",
    frames: TUTORIAL.frames.slice(0, count),
  });
  expect(lines(report([upTo(4)]))).toContain("    (stack cut short: code without frame pointers)");
  expect(lines(report([upTo(5)])).join("\n")).not.toContain("cut short");
});

test("what limits the trust in a report stands in it", () => {
  const quality = {
    droppedBlocks: 1,
    droppedStacks: 20,
    droppedThreads: 300,
    missedFrees: 1,
    unmatchedFrees: 7,
    abandonedCalls: 2,
    damage: "truncated chunk at byte 99 of 100",
  };
  const [heading, last] = lines(
    report([], { final: true, process: undefined, totals: { bytes: 1, blocks: 1, stacks: 12 }, quality }),
  );
  expect(heading).toBe(
    "[09:05:03] final report, no process: 1 byte outstanding in 1 allocation from 12 stacks, the largest 0 shown",
  );
  expect(last).toBe(
    "data quality: 321 allocations DROPPED (1 table of blocks full, 20 of stacks, 300 of threads): raise --max-blocks or --max-stacks; 1 free missed; 2 allocator calls left without returning; recording damaged: truncated chunk at byte 99 of 100; 7 frees of blocks from before the start",
  );
});
