/** What the events amount to. */

import { expect, test } from "vitest";
import { SAMPLE } from "../../test/support/recording-events.ts";
import type { MappingsEvent, RecordedMapping, RecordingEvent } from "./events.ts";
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

test("a stack is looked up in the mappings of its time: a library may have gone since, and another come", () => {
  const mapping = (file: number): RecordedMapping => ({ start: 0x1000n, end: 0x2000n, offset: 0, file, label: "" });
  const mappings = (time: number, file: number): MappingsEvent => ({
    kind: "mappings",
    time,
    pid: 7,
    mappings: [mapping(file)],
  });
  const stack = (number: number): RecordingEvent => ({
    kind: "stack",
    stack: number,
    pid: 7,
    class: "heap",
    end: "end",
    addresses: [0x1234n],
  });
  const recording = applyAll([mappings(10, 1), stack(1), mappings(20, 2), stack(2)]);
  const fileOf = (number: number): number | undefined =>
    recording.mappingsAt(7, recording.stackTimes.get(number) ?? 0)?.mappings[0].file;
  expect([fileOf(1), fileOf(2)]).toEqual([1, 2]);
  expect(recording.mappingsAt(8, 10)).toBeUndefined();
});
