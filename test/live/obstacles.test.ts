/** What stands in the way of a trace without forbidding it: other tracers, low limits. Clear lines, and right numbers. */

import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import {
  compileProgram,
  type JsonReport,
  MAIN,
  startCommand,
  startTarget,
  totalsOf,
  traceWith,
} from "../support/live.ts";
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

test("where the kernel tells nothing of execs and ends of threads, a warning says so, and execs are noticed by looking", async () => {
  const wrapper = compileProgram(folder, "without-tracepoints");
  const target = await startTarget(compileProgram(folder, "fork-exec"));
  const options = ["attach", String(target.pid), "--json", "-i", "3600", "-n", "1000"];
  const trace = startCommand([wrapper, process.execPath, MAIN, ...options]);
  await trace.said("a report every");
  target.go();
  expect(await target.line()).toBe("forked");
  trace.child.kill("SIGUSR1");
  await trace.printed(1);
  target.go();
  expect(await target.line()).toBe("executed");
  await trace.said("has executed");
  // All files are probed anew before the next report.
  trace.child.kill("SIGUSR1");
  await trace.printed(2);
  target.go();
  expect(await target.line()).toBe("done");
  trace.child.kill("SIGTERM");
  const { stdout, stderr } = await trace.finished;
  const [first, ...others] = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as JsonReport);
  expect(totalsOf(first, "parent_leak")).toEqual({ bytes: 10 * 100, blocks: 10 });
  const report = others.at(-1) as JsonReport;
  expect(totalsOf(report, "leak_after_exec")).toEqual({ bytes: 7 * 60, blocks: 7 });
  expect(totalsOf(report, "parent_leak")).toEqual({ bytes: 0, blocks: 0 });
  expect(stderr).toMatch(/accounted from when we notice, a little late: .*sched_process_exec.*EACCES/);
  expect(stderr).toMatch(/has executed \S+: \d+ bytes in \d+ allocations of \S+ went/);
});

test("where the kernel tells nothing of ends of threads, those that end leave a right account", async () => {
  const wrapper = compileProgram(folder, "without-tracepoints");
  const target = await startTarget(compileProgram(folder, "thread-ends"), ["50", "5"]);
  const trace = startCommand([wrapper, process.execPath, MAIN, "attach", String(target.pid), "--json", "-i", "3600"]);
  await trace.said("a report every");
  target.go();
  expect(await target.line()).toBe("done");
  trace.child.kill("SIGTERM");
  const { stdout, stderr } = await trace.finished;
  const report = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as JsonReport;
  expect(stderr).not.toContain("has executed");
  expect(totalsOf(report, "work")).toEqual({ bytes: 0, blocks: 0 });
  // Each thread's blocks have been seen, and their frees: 250 allocations, and the C library's own few.
  expect(Object.values(report.quality.allocationEnds).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(249);
  expect(report.quality).toMatchObject({ droppedBlocks: 0, droppedThreads: 0, missedFrees: 0, abandonedCalls: 0 });
});
