/** The account of each allocating function, against what the program is known to leave outstanding. */

import { describe, expect, test } from "vitest";
import { compileProgram, type JsonReport, startTarget, totalsOf, traceWith } from "../support/live.ts";
import { temporaryDirectory } from "../support/programs.ts";
import { EXPECTED_ACCOUNT } from "./expected-account.ts";

const folder = temporaryDirectory();

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
      Object.keys(EXPECTED_ACCOUNT).map((symbol) => {
        const { bytes, blocks } = totalsOf(report, symbol);
        return [symbol, [bytes, blocks]];
      }),
    );
    expect(found).toEqual(EXPECTED_ACCOUNT);
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

test("what glibc frees at the end of a thread, which the thread had freed before, changes nothing", async () => {
  const target = await startTarget(compileProgram(folder, "thread-ends"), ["50", "5"]);
  const trace = await traceWith(target.pid);
  target.go();
  expect(await target.line()).toBe("done");
  const report = (await trace.done()).at(-1) as JsonReport;
  expect(report.stacks.filter(({ frames }) => frames.some(({ symbol }) => symbol === "work"))).toEqual([]);
  const { unmatchedFrees, ...quality } = report.quality;
  expect(quality).toMatchObject({ droppedBlocks: 0, droppedStacks: 0, missedFrees: 0, abandonedCalls: 0 });
  // Each thread's five blocks and the table of them, where the C library does so.
  expect([0, 50 * 6]).toContain(unmatchedFrees);
});
