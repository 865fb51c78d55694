/** What the events amount to. */

import { serialize } from "node:v8";
import { expect, test } from "vitest";
import { SAMPLE } from "../../test/support/recording-events.ts";
import type { ProcessEvent, RecordedMapping, RecordingEvent, StackEvent } from "./events.ts";
import { Recording } from "./recording.ts";

function applyAll(events: readonly RecordingEvent[]): Recording {
  const recording = new Recording();
  for (const event of events) recording.apply(event);
  return recording;
}

test("everything in a recording is found again by its number", () => {
  const recording = applyAll(SAMPLE);
  expect(recording.start?.kernel).toBe("6.1.0-18-amd64");
  expect(recording.processes.get(22487)?.name).toBe("test_memleak");
  expect(recording.files.get(1)?.path).toBe("/home/u/test_memleak");
  expect(recording.stacks.get(1)?.addresses).toHaveLength(3);
  expect(recording.totals.get(1)?.bytes).toBe(8);
  expect(recording.losses.unmatchedFrees).toBe(5);
  expect(recording.endReason).toBe("stopped");
});

const PID = 7;

function mapping(file: number, start = 0x1000n): RecordedMapping {
  return { start, end: start + 0x1000n, offset: 0, file, label: "" };
}

function mappings(time: number, list: RecordedMapping[], pid = PID): RecordingEvent {
  return { kind: "mappings", time, pid, mappings: list };
}

function stack(number: number, addresses: bigint[] = [0x1234n], pid = PID): StackEvent {
  return { kind: "stack", stack: number, pid, class: "heap", end: "end", addresses };
}

function described(startTicks: number, name: string, pid = PID): ProcessEvent {
  return { kind: "process", time: 0, pid, startTicks, name, executable: `/bin/${name}` };
}

const exit = (pid = PID): RecordingEvent => ({ kind: "exit", time: 0, pid });

function filesOf(recording: Recording, event: StackEvent): number[] {
  return recording.mappingsOf(event).map(({ file }) => file);
}

test("a stack is looked up in the mappings before it: a library may have gone since, and another come", () => {
  const recording = applyAll([mappings(10, [mapping(1)]), stack(1), mappings(20, [mapping(2)]), stack(2)]);
  expect([stack(1), stack(2)].map((one) => filesOf(recording, one))).toEqual([[1], [2]]);
  expect(filesOf(recording, stack(3, [0x1234n], 8))).toEqual([]);
});

test("what comes first is decided by order: the clock may be set back, or stand still while a program is executed", () => {
  for (const [first, second] of [
    [20, 10],
    [10, 10],
  ]) {
    const recording = applyAll([mappings(first, [mapping(1)]), stack(1), mappings(second, [mapping(2)]), stack(2)]);
    expect([stack(1), stack(2)].map((one) => filesOf(recording, one))).toEqual([[1], [2]]);
  }
});

test("a stack that came before any mappings is looked up in those that came then", () => {
  expect(filesOf(applyAll([stack(1), mappings(10, [mapping(1)])]), stack(1))).toEqual([1]);
});

test("with a stack are kept the mappings of its addresses, and of a call at the very end of one", () => {
  const all = [mapping(1, 0x1000n), mapping(2, 0x3000n), mapping(3, 0x5000n), mapping(4, 0x7000n)];
  const recording = applyAll([mappings(0, all), stack(1, [0x3fffn, 0x8000n, 0x1000n, 0x3010n, 0xffff0000n])]);
  expect(filesOf(recording, stack(1))).toEqual([1, 2, 4]);
});

test("two processes that map different files at the same address are not mixed up", () => {
  const [one, other] = [stack(1), stack(2, [0x1234n], 8)];
  const recording = applyAll([mappings(0, [mapping(1)]), mappings(0, [mapping(2)], 8), one, other]);
  expect([one, other].map((each) => filesOf(recording, each))).toEqual([[1], [2]]);
});

test("a process that changes its mappings all day leaves no more behind than its stacks lead through", () => {
  const recording = new Recording();
  const size = (): number => serialize(recording).length;
  const changeOften = (times: number): void => {
    for (let i = 0; i < times; i++) {
      // A compiler that adds pieces and drops old ones.
      const pieces = Array.from({ length: 200 }, (_, k) => mapping(-1, BigInt(0x1000 * (1 + k + (i % 7)))));
      recording.apply(mappings(1_000_000 + (i % 1000), pieces));
    }
  };
  changeOften(10);
  const before = size();
  changeOften(2000);
  expect(size()).toBe(before);

  recording.apply(stack(1));
  recording.apply(stack(2));
  changeOften(10);
  const withTwo = size();
  for (let i = 3; i <= 102; i++) {
    changeOften(10);
    recording.apply(stack(i));
  }
  // Each stack costs what a stack does, about the same for all, and not 200 mappings.
  expect((size() - withTwo) / 100).toBeLessThan((withTwo - before) * 2);
});

test("processes that have ended are forgotten, unless a stack is theirs", () => {
  const recording = applyAll([described(5, "first"), mappings(0, [mapping(1)]), stack(1), exit()]);
  const [first] = [recording.processOf(stack(1))];
  expect(first?.name).toBe("first");
  expect(recording.hasEnded(first as ProcessEvent)).toBe(true);
  expect(filesOf(recording, stack(1))).toEqual([1]);
  expect(recording.mappings.has(PID)).toBe(false);

  for (let i = 0; i < 1000; i++)
    for (const event of [described(9, "brief", 100 + i), mappings(0, [mapping(1)], 100 + i), exit(100 + i)])
      recording.apply(event);
  expect([...recording.processes.keys()]).toEqual([PID]);
  expect([...recording.mappings.keys()]).toEqual([]);
});

test("a later process of the same number has the stacks that come after it, and only those", () => {
  const recording = applyAll([
    described(5, "first"),
    mappings(0, [mapping(1)]),
    stack(1),
    exit(),
    described(6, "second"),
    mappings(0, [mapping(2)]),
    stack(2),
  ]);
  const [first, second] = [1, 2].map((number) => recording.processOf(stack(number)) as ProcessEvent);
  expect([first.name, second.name]).toEqual(["first", "second"]);
  expect([first, second].map((one) => recording.hasEnded(one))).toEqual([true, false]);
  expect([stack(1), stack(2)].map((one) => filesOf(recording, one))).toEqual([[1], [2]]);
  recording.apply(exit());
  expect([first, second].map((one) => recording.hasEnded(one))).toEqual([true, true]);
});

test("a process that executes another program or changes its name is still the same, as it was described last", () => {
  const recording = applyAll([described(5, "first"), stack(1), described(5, "renamed")]);
  expect(recording.processOf(stack(1))?.name).toBe("renamed");
  expect(recording.hasEnded(recording.processOf(stack(1)) as ProcessEvent)).toBe(false);
});
