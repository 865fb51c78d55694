/** The account of each allocating function, against what the program is known to leave outstanding. */

import { describe, expect, test } from "vitest";
import { compileProgram, type JsonReport, startTarget, totalsOf, traceWith } from "../support/live.ts";
import { temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
const PAGE = 4096;

/** By function of programs/account.c: bytes and blocks. */
const EXPECTED: { readonly [symbol: string]: readonly [bytes: number, blocks: number] } = {
  leak_malloc: [101, 1],
  leak_calloc: [77, 1],
  leak_reallocarray: [123, 1],
  leak_posix_memalign: [513, 1],
  leak_aligned_alloc: [640, 1],
  leak_memalign: [77, 1],
  leak_valloc: [5000, 1],
  leak_pvalloc: [6000, 1],
  leak_zero: [0, 1],
  leak_large: [8 << 20, 1],
  no_leak_malloc: [0, 0],
  no_leak_large: [0, 0],
  no_leak_failed: [0, 0],
  realloc_first: [0, 0],
  realloc_grows: [0, 0],
  realloc_shrinks: [300, 1],
  realloc_fails: [0, 0],
  realloc_to_nothing: [0, 0],
  map_leak: [3 * PAGE, 1],
  map_no_leak: [0, 0],
  map_first_pages_unmapped: [5 * PAGE, 1],
  map_to_move: [0, 0],
  map_moved: [64 * PAGE, 1],
};

async function traceAccount(args: readonly string[]): Promise<JsonReport> {
  const target = await startTarget(compileProgram(folder, "account"));
  const trace = await traceWith(target.pid, args);
  target.go();
  await target.line();
  const reports = await trace.done();
  return reports.at(-1) as JsonReport;
}

describe.each([
  ["uprobe-multi", []],
  ["single perf uprobes", ["--single-probes"]],
] as const)("with %s", (_name, args) => {
  test("every allocating function leaves what it must, to the byte and block", async () => {
    const report = await traceAccount(args);
    const found = Object.fromEntries(
      Object.keys(EXPECTED).map((symbol) => {
        const { bytes, blocks } = totalsOf(report, symbol);
        return [symbol, [bytes, blocks]];
      }),
    );
    expect(found).toEqual(EXPECTED);
    // strdup's own frame has no frame pointer, so its caller is skipped: the block is there all the same.
    expect(report.stacks.filter(({ bytes, blocks }) => bytes === 13 && blocks === 1)).toHaveLength(1);
    expect(report.quality.unmatchedFrees).toBe(1);
    expect(report.quality).toMatchObject({ droppedBlocks: 0, droppedStacks: 0, droppedThreads: 0, missedFrees: 0 });
  });
});

test("--no-mmap leaves the mappings out", async () => {
  const report = await traceAccount(["--no-mmap"]);
  expect(report.stacks.filter((stack) => stack.class === "mapping")).toEqual([]);
  expect(totalsOf(report, "leak_large")).toEqual({ bytes: 8 << 20, blocks: 1 });
});

test("a full table drops further blocks, counts them, and keeps those it has", async () => {
  const target = await startTarget(compileProgram(folder, "burst"));
  const trace = await traceWith(target.pid, ["--max-blocks", "100"]);
  target.go();
  await target.line();
  const [report] = await trace.done();
  // programs/burst.c allocates 1000 blocks of 16 bytes.
  expect(report.totals).toMatchObject({ bytes: 100 * 16, blocks: 100 });
  expect(report.quality.droppedBlocks).toBe(900);
});
