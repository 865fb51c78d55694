/** Reports of recordings made by hand; the sums are done by hand too. */

import { expect, test } from "vitest";
import { noLosses, type RecordingEvent, type StackEvent } from "../recording/events.ts";
import { Recording } from "../recording/recording.ts";
import type { Frame } from "../symbolize/frame.ts";
import { toJson } from "./json.ts";
import { buildReport, type Report } from "./model.ts";

function process(pid: number, name: string, startTicks = pid): RecordingEvent {
  return { kind: "process", time: 0, pid, startTicks, name, executable: `/bin/${name}` };
}

function stack(number: number, pid: number, rest: Partial<StackEvent> = {}): RecordingEvent {
  return { kind: "stack", stack: number, pid, class: "heap", end: "end", addresses: [0x10n, 0x20n, 0x30n], ...rest };
}

function interval(...rows: [stack: number, bytes: number, blocks: number, allocated?: number][]): RecordingEvent {
  const totals = rows.map(([number, bytes, blocks, allocatedBlocks = blocks]) => {
    return { stack: number, bytes, blocks, allocatedBytes: bytes, allocatedBlocks };
  });
  return { kind: "interval", time: 5, totals, losses: noLosses() };
}

/** A frame for each address, and one that was inlined into the second. */
function resolve({ addresses }: StackEvent): Frame[] {
  const frames = addresses.map((address): Frame => ({ address, inlined: false, symbol: `f${address}` }));
  frames.splice(1, 0, { address: addresses[1], inlined: true, symbol: "inline" });
  return frames;
}

function reportOf(...events: RecordingEvent[]): Report {
  const recording = new Recording();
  for (const event of events) recording.apply(event);
  return buildReport(recording, resolve, { top: 10, final: false });
}

test("each process has its own totals, the largest first, also those that run and hold nothing", () => {
  const { processes, totals, stacks } = reportOf(
    process(1, "one"),
    process(2, "two"),
    process(3, "three"),
    stack(1, 1),
    stack(2, 2),
    stack(3, 2),
    interval([1, 10, 1], [2, 8, 2], [3, 4, 3]),
  );
  expect(processes.map(({ pid, state, bytes, blocks }) => [pid, state, bytes, blocks])).toEqual([
    [2, "running", 12, 5],
    [1, "running", 10, 1],
    [3, "running", 0, 0],
  ]);
  expect(totals).toEqual({ bytes: 22, blocks: 6, stacks: 3 });
  expect(stacks.map(({ id, pid }) => [id, pid])).toEqual([
    [1, 1],
    [2, 2],
    [3, 2],
  ]);
});

test("a process that has exited is listed while it has something outstanding, apart from a later one of its number", () => {
  const events = [
    process(1, "parent"),
    process(2, "child"),
    stack(1, 2),
    { kind: "exit", time: 0, pid: 2 } as const,
    process(2, "another", 99),
    stack(2, 2),
  ];
  const states = (report: Report) => report.processes.map(({ name, state, bytes }) => [name, state, bytes]);
  expect(states(reportOf(...events, interval([1, 7, 1], [2, 5, 1])))).toEqual([
    ["child", "exited", 7],
    ["another", "running", 5],
    ["parent", "running", 0],
  ]);
  expect(states(reportOf(...events, interval([1, 0, 0], [2, 5, 1])))).toEqual([
    ["another", "running", 5],
    ["parent", "running", 0],
  ]);
});

test("the only process is listed whatever became of it", () => {
  const { process: first, processes } = reportOf(process(1, "one"), stack(1, 1), interval([1, 0, 0]), {
    kind: "exit",
    time: 6,
    pid: 1,
  });
  expect(processes).toEqual([{ pid: 1, name: "one", executable: "/bin/one", state: "exited", bytes: 0, blocks: 0 }]);
  expect(first).toEqual({ pid: 1, name: "one", executable: "/bin/one" });
});

test("all frames of an address are unverified or none: an inlined one is as its caller is", () => {
  const marks = (verified?: number): (true | undefined)[] =>
    reportOf(
      process(1, "one"),
      stack(1, 1, verified === undefined ? {} : { verified }),
      interval([1, 1, 1]),
    ).stacks[0].frames.map(({ unverified }) => unverified);
  expect(marks()).toEqual([undefined, undefined, undefined, undefined]);
  expect(marks(3)).toEqual(marks());
  expect(marks(2)).toEqual([undefined, undefined, undefined, true]);
  expect(marks(1)).toEqual([undefined, true, true, true]);
  expect(marks(0)).toEqual([true, true, true, true]);
});

test("why stacks end is counted by stacks and by what they allocated", () => {
  const { quality } = reportOf(
    process(1, "one"),
    stack(1, 1),
    stack(2, 1, { end: "no-rule", verified: 1 }),
    stack(3, 1),
    interval([1, 1, 1, 100], [2, 1, 1, 7], [3, 0, 0, 20]),
  );
  expect(quality).toMatchObject({
    stackEnds: { end: 2, "no-rule": 1 },
    allocationEnds: { end: 120, "no-rule": 7 },
    unverifiedStacks: 1,
  });
});

test("in JSON, what was sampled and what is unverified says so, and what was not says nothing", () => {
  const start = { kind: "start", time: 0, leakline: "0", architecture: "x86_64", kernel: "6" } as const;
  const json = (...events: RecordingEvent[]) => JSON.parse(toJson(reportOf(...events)));
  const sampled = json(
    { ...start, sampleBytes: 4096 },
    process(1, "one"),
    stack(1, 1, { verified: 1 }),
    interval([1, 1, 1]),
  );
  expect(sampled.sampling).toEqual({ bytes: 4096 });
  expect(sampled.stacks[0].frames.at(-1)).toEqual({ address: "0x30", inlined: false, symbol: "f48", unverified: true });
  for (const exact of [start, { ...start, sampleBytes: 0 }]) {
    const report = json(exact, process(1, "one"), stack(1, 1), interval([1, 1, 1]));
    expect(report).not.toHaveProperty("sampling");
    expect(report.stacks[0].frames[0]).toEqual({ address: "0x10", inlined: false, symbol: "f16" });
  }
});
