/** What stands in the way of a trace without forbidding it: other tracers, low limits. Clear lines, and right numbers. */

import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { compileProgram, type JsonReport, MAIN, startTarget, totalsOf, traceWith } from "../support/live.ts";
import { temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();

test("two leaklines at a time on one process: the second says that it is not alone, and both are right", async () => {
  const target = await startTarget(compileProgram(folder, "account"));
  const first = await traceWith(target.pid);
  const second = await traceWith(target.pid);
  await second.running.said("another tracer has breakpoints on");
  target.go();
  await target.line();
  const reports = [(await second.done()).at(-1), (await first.done()).at(-1)] as JsonReport[];
  for (const report of reports) {
    expect(totalsOf(report, "leak_malloc")).toEqual({ bytes: 101, blocks: 1 });
    expect(totalsOf(report, "realloc_shrinks")).toEqual({ bytes: 300, blocks: 1 });
    expect(totalsOf(report, "no_leak_malloc")).toEqual({ bytes: 0, blocks: 0 });
    expect(report.quality.missedFrees).toBe(0);
  }
  expect((await first.running.finished).stderr).not.toContain("another tracer");
});

async function attachWithin(limit: string) {
  const target = await startTarget(compileProgram(folder, "account"));
  const args = [limit, process.execPath, MAIN, "attach", String(target.pid), "-d", "1", "--json"];
  return spawnSync("prlimit", args, { encoding: "utf8" });
}

test("with too few open files, one line says so and what to do", async () => {
  const { status, stderr } = await attachWithin("--nofile=40:40");
  expect(status).toBe(1);
  expect(stderr).toMatch(/^leakline: [^\n]*too many open files[^\n]*ulimit -n[^\n]*\n$/);
});

test("without any memory that may be locked, it traces", async () => {
  const { status, stdout } = await attachWithin("--memlock=0:0");
  expect(status).toBe(0);
  expect(JSON.parse(stdout.split("\n")[0]).kind).toBe("report");
});
