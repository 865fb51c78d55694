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
  pid: 22487,
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

const PROCESS = { pid: 22487, name: "test_memleak", executable: "/home/u/test_memleak", state: "running" } as const;

const NO_QUALITY = { ...noLosses(), stackEnds: {}, allocationEnds: {}, unverifiedStacks: 0, damage: undefined };

function report(stacks: ReportStack[], rest: Partial<Report> = {}): Report {
  const bytes = stacks.reduce((sum, stack) => sum + stack.bytes, 0);
  const blocks = stacks.reduce((sum, stack) => sum + stack.blocks, 0);
  return {
    version: 1,
    kind: "report",
    time: Date.UTC(2024, 1, 29, 9, 5, 3),
    final: false,
    process: { pid: 22487, name: "test_memleak", executable: "/home/u/test_memleak" },
    processes: [{ ...PROCESS, bytes, blocks }],
    totals: { bytes, blocks, stacks: stacks.length },
    stacks,
    quality: NO_QUALITY,
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
    "data quality: nothing dropped; 0 frees of blocks not in the account",
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
    stackEnds: { end: 1999, "no-rule": 1 },
    allocationEnds: { end: 900, "no-rule": 100 },
    unverifiedStacks: 3,
    damage: "truncated chunk at byte 99 of 100",
  };
  const [heading, last] = lines(
    report([], {
      final: true,
      process: undefined,
      processes: [],
      totals: { bytes: 1, blocks: 1, stacks: 12 },
      quality,
    }),
  );
  expect(heading).toBe(
    "[09:05:03] final report, no process: 1 byte outstanding in 1 allocation from 12 stacks, the largest 0 shown",
  );
  expect(last).toBe(
    "data quality: 321 allocations DROPPED (1 table of blocks full, 20 of stacks, 300 of threads): raise --max-blocks or --max-stacks; 1 free missed; 2 allocator calls left without returning; recording damaged: truncated chunk at byte 99 of 100; 99.9% of 2000 stacks whole, 90.0% by allocations (1: code without unwind information); 3 stacks with unverified frames; 7 frees of blocks not in the account",
  );
});

test("several processes stand with their own totals, and each stack says whose it is", () => {
  const processes = [
    { ...PROCESS, bytes: 12, blocks: 3 },
    { ...PROCESS, pid: 7, name: "worker", state: "exited" as const, bytes: 4, blocks: 1 },
    { ...PROCESS, pid: 8, name: "worker", bytes: 0, blocks: 0 },
  ];
  const stacks = [TUTORIAL, { ...TUTORIAL, id: 0x3f4, pid: 7, bytes: 4, blocks: 1, frames: [] }];
  expect(lines(report(stacks, { processes })).filter((line) => !/^ +\d+ \[</.test(line))).toEqual([
    "[09:05:03] 3 processes: 16 bytes outstanding in 4 allocations from 2 stacks",
    "  12 bytes in 3 allocations  test_memleak (22487)",
    "   4 bytes in 1 allocations  worker (7), exited",
    "   0 bytes in 0 allocations  worker (8)",
    "stack_id=0x3f3 with outstanding allocations: total_size=12 nr_allocs=3 pid=22487",
    "stack_id=0x3f4 with outstanding allocations: total_size=4 nr_allocs=1 pid=7",
    "data quality: nothing dropped; 0 frees of blocks not in the account",
    "",
  ]);
});

test("of very many processes the smallest are added up in one line", () => {
  const processes = Array.from({ length: 1000 }, (_, i) => ({ ...PROCESS, pid: i + 1, bytes: 1000 - i, blocks: 1 }));
  const shown = lines(report([], { processes }));
  expect(shown).toHaveLength(1 + 20 + 1 + 1 + 1);
  // 980 + 979 + … + 1
  expect(shown[21]).toBe(`  ${(980 * 981) / 2} bytes in 980 allocations  980 more`);
});

test("numbers from a sample are marked as estimates", () => {
  for (const [bytes, size] of [
    [524_288, "512 KiB"],
    [1 << 20, "1 MiB"],
    [3000, "3000 bytes"],
  ] as const) {
    const shown = lines(report([TUTORIAL], { sampling: { bytes } }));
    expect(shown[0]).toBe("[09:05:03] test_memleak (22487): ~12 bytes outstanding in ~3 allocations from 1 stack");
    expect(shown.at(-2)).toContain(`; estimated from a sample, one in every ${size};`);
  }
});

test("frames that rest on no unwind information are marked", () => {
  const frames = TUTORIAL.frames.map((one, i) => (i < 4 ? one : { ...one, unverified: true as const }));
  const shown = lines(report([{ ...TUTORIAL, frames }]));
  expect(shown.slice(5, 8)).toEqual([
    "  3 [<0000555b65a09770>] main+0x36 test_memleak.c:35",
    "  4 [<00007fe8c8a7bc87>] __libc_start_main+0xe7 [unverified]",
    "  5 [<05f6258d4c544155>] [unverified]",
  ]);
});
