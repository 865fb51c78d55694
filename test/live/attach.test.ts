/** What `attach` prints: frames against addr2line and nm, totals against what the program says of itself. */

import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { addr2line, nmFunction, placeOf, readMapsText, virtualAddressOf } from "../support/address-oracle.ts";
import {
  compileProgram,
  type JsonReport,
  leakline,
  startTarget,
  startTutorial,
  totalsOf,
  traceWith,
} from "../support/live.ts";
import { temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
/** LEAKLINE_OPERATIONS=13000000 makes it the long run: 52 million, a minute and a half on two quiet cores. */
const OPERATIONS_PER_THREAD = process.env.LEAKLINE_OPERATIONS ?? "400000";
const NOTHING_LOST = { droppedBlocks: 0, droppedStacks: 0, droppedThreads: 0, missedFrees: 0, abandonedCalls: 0 };

describe("the tutorial's program", () => {
  test("each frame down to main reads function+0xoffset file:line, in the tutorial's layout", async () => {
    const { pid, program } = await startTutorial(folder);
    const maps = readMapsText(pid);
    const { stdout, code } = leakline(["attach", String(pid), "-d", "2.2", "-i", "1"]);
    expect(code).toBe(0);
    expect(stdout.match(/^\[\d\d:\d\d:\d\d\]/gm)).toHaveLength(3);
    expect(stdout.match(/final report/g)).toHaveLength(1);

    const [, bytes, blocks, ...lines] =
      /^stack_id=0x[0-9a-f]+ with outstanding allocations: total_size=(\d+) nr_allocs=(\d+)\n(.*)\n(.*)\n(.*)\n(.*)\n/m.exec(
        stdout,
      ) ?? [];
    // Four bytes a time, twice a second.
    expect(Number(blocks)).toBeGreaterThanOrEqual(1);
    expect(Number(bytes)).toBe(Number(blocks) * 4);
    expect(lines).toHaveLength(4);
    for (const [number, line] of lines.entries()) {
      const row = /^ {2}(\d) \[<([0-9a-f]{16})>\] (\w+)\+0x([0-9a-f]+) ([^/ ]+):(\d+)$/.exec(line);
      expect(row, line).not.toBeNull();
      const [, index, address, symbol, offset, file, lineNumber] = row as RegExpExecArray;
      const place = placeOf(maps, BigInt(`0x${address}`));
      const virtual = virtualAddressOf(program, place.fileOffset);
      const oracle = addr2line(program, virtual - 1);
      expect(place.file).toBe(program);
      expect({ index, symbol, file, line: Number(lineNumber) }).toEqual({
        index: String(number),
        symbol: ["alloc_v3", "alloc_v2", "alloc_v1", "main"][number],
        file: basename(oracle.file),
        line: oracle.line,
      });
      expect(symbol).toBe(oracle.symbol);
      expect(nmFunction(program, virtual)).toEqual({ names: [symbol], offset: Number.parseInt(offset, 16) });
    }
  });

  test("every frame of the JSON output is what addr2line and nm say", async () => {
    const { pid, program } = await startTutorial(folder);
    const maps = readMapsText(pid);
    const { stdout } = leakline(["attach", String(pid), "-d", "1.2", "--json"]);
    const reports = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as JsonReport);
    const stack = reports[0].stacks.find(({ frames }) => frames.some(({ symbol }) => symbol === "alloc_v3"));
    const own = stack?.frames.filter(({ module }) => module === program) ?? [];
    expect(own.map(({ symbol }) => symbol)).toEqual(["alloc_v3", "alloc_v2", "alloc_v1", "main", "_start"]);
    // _start is assembly of the C library, without debug information.
    for (const { address, symbol, offset, file, line, moduleAddress } of own.slice(0, 4)) {
      const virtual = virtualAddressOf(program, placeOf(maps, BigInt(address)).fileOffset);
      expect(moduleAddress).toBe(`0x${virtual.toString(16)}`);
      expect({ symbol, file, line }).toEqual(addr2line(program, virtual - 1));
      expect({ names: [symbol], offset }).toEqual(nmFunction(program, virtual));
    }
  });
});

test("totals are right to the byte when four threads allocate and free each other's blocks", async () => {
  const target = await startTarget(compileProgram(folder, "threads"), [OPERATIONS_PER_THREAD]);
  const trace = await traceWith(target.pid);
  target.go();
  const ledger: { [site: string]: { bytes: number; blocks: number } } = {};
  for (let line = await target.line(); line !== "done"; line = await target.line()) {
    const [site, bytes, blocks] = line.split(" ");
    ledger[site] = { bytes: Number(bytes), blocks: Number(blocks) };
  }
  const report = (await trace.done()).at(-1) as JsonReport;
  expect(Object.keys(ledger)).toHaveLength(8);
  expect(Object.fromEntries(Object.keys(ledger).map((site) => [site, totalsOf(report, site)]))).toEqual(ledger);
  expect(report.quality).toMatchObject(NOTHING_LOST);
}, 900_000);

test.each([
  ["on the same stack", []],
  ["on a stack of their own", ["alternate"]],
])("signal handlers that interrupt the allocator %s disturb no account", async (_where, args) => {
  const target = await startTarget(compileProgram(folder, "signals"), args);
  const trace = await traceWith(target.pid);
  target.go();
  expect(Number(await target.line())).toBeGreaterThan(10);
  const report = (await trace.done()).at(-1) as JsonReport;
  expect(totalsOf(report, "allocate")).toEqual({ bytes: 50_000 * 40, blocks: 50_000 });
  expect(totalsOf(report, "handler")).toEqual({ bytes: 0, blocks: 0 });
  expect(report.quality).toMatchObject(NOTHING_LOST);
});

describe("C++", () => {
  test("every form of new and delete is accounted under its caller", async () => {
    const target = await startTarget(compileProgram(folder, "cxx", ["-std=c++17", "-g", "-O0"]));
    const trace = await traceWith(target.pid);
    target.go();
    await target.line();
    const report = (await trace.done()).at(-1) as JsonReport;
    // programs/cxx.cc calls each five times. A std::vector is three pointers, its elements 1000 int.
    const expected = {
      "leak_new()": { bytes: 5 * 8, blocks: 5 },
      "leak_array()": { bytes: 5 * 100, blocks: 5 },
      "leak_nothrow()": { bytes: 5 * 41, blocks: 5 },
      "leak_aligned()": { bytes: 5 * 192, blocks: 5 },
      "leak_aligned_array()": { bytes: 5 * 3 * 192, blocks: 5 },
      "leak_vector()": { bytes: 5 * (24 + 4000), blocks: 10 },
      "no_leak_new()": { bytes: 0, blocks: 0 },
      "no_leak_array()": { bytes: 0, blocks: 0 },
      "no_leak_aligned()": { bytes: 0, blocks: 0 },
      "no_leak_aligned_array()": { bytes: 0, blocks: 0 },
      "no_leak_unique()": { bytes: 0, blocks: 0 },
      "no_leak_thrown()": { bytes: 0, blocks: 0 },
    };
    const found = Object.fromEntries(Object.keys(expected).map((symbol) => [symbol, totalsOf(report, symbol)]));
    expect(found).toEqual(expected);
    expect(report.quality).toMatchObject(NOTHING_LOST);
    const simple = report.stacks.find(({ frames }) => frames.some(({ symbol }) => symbol === "leak_new()"));
    expect(simple?.frames.slice(0, 2).map(({ symbol }) => symbol)).toEqual([
      "operator new(unsigned long)",
      "leak_new()",
    ]);
  });
});

describe("a target that forks and executes", () => {
  test("children are not accounted, and their frees leave the parent's blocks", async () => {
    const target = await startTarget(compileProgram(folder, "fork-exec"));
    const trace = await traceWith(target.pid);
    target.go();
    expect(await target.line()).toBe("forked");
    const report = (await trace.done()).at(-1) as JsonReport;
    expect(totalsOf(report, "parent_leak")).toEqual({ bytes: 10 * 100, blocks: 10 });
    expect(totalsOf(report, "child_leak")).toEqual({ bytes: 0, blocks: 0 });
    expect(report.quality).toMatchObject(NOTHING_LOST);
  });

  test("after an exec the new program is accounted; what the old one left is gone with its memory, as a warning says", async () => {
    const target = await startTarget(compileProgram(folder, "fork-exec"));
    const trace = await traceWith(target.pid);
    target.go();
    expect(await target.line()).toBe("forked");
    trace.running.child.kill("SIGUSR1");
    await trace.running.printed(1);
    target.go();
    expect(await target.line()).toBe("executed");
    target.go();
    expect(await target.line()).toBe("done");
    const reports = await trace.done();
    expect(totalsOf(reports[0], "parent_leak")).toEqual({ bytes: 10 * 100, blocks: 10 });
    const report = reports.at(-1) as JsonReport;
    expect(totalsOf(report, "leak_after_exec")).toEqual({ bytes: 7 * 60, blocks: 7 });
    expect(totalsOf(report, "parent_leak")).toEqual({ bytes: 0, blocks: 0 });
    expect((await trace.running.finished).stderr).toMatch(/has executed \S+: \d+ bytes in \d+ allocations of \S+ went/);
    target.go();
    expect(await target.exited).toBe(0);
  });

  test("an ordinary trace warns of no exec", async () => {
    const target = await startTarget(compileProgram(folder, "threads"));
    const trace = await traceWith(target.pid);
    target.go();
    while ((await target.line()) !== "done");
    await trace.done();
    expect((await trace.running.finished).stderr).not.toMatch(/has executed/);
  });
});
