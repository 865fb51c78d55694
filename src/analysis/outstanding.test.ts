/** The account, added up by hand. */

import { expect, test } from "vitest";
import { type IntervalEvent, noLosses } from "../recording/events.ts";
import { Recording } from "../recording/recording.ts";
import { findOutstanding } from "./outstanding.ts";

function interval(...rows: [stack: number, bytes: number, blocks: number][]): IntervalEvent {
  const totals = rows.map(([stack, bytes, blocks]) => ({
    stack,
    bytes,
    blocks,
    allocatedBytes: 1000,
    allocatedBlocks: 100,
  }));
  return { kind: "interval", time: 0, totals, losses: noLosses() };
}

test("later totals replace earlier ones; what is freed is gone; most bytes come first, then most blocks, then the oldest", () => {
  const recording = new Recording();
  recording.apply(interval([1, 8, 1], [2, 500, 5], [3, 8, 2], [4, 8, 2], [5, 0, 3]));
  recording.apply(interval([1, 16, 2], [2, 0, 0]));
  const { stacks, ...totals } = findOutstanding(recording, 10);
  expect(stacks.map(({ stack }) => stack)).toEqual([1, 3, 4, 5]);
  expect(totals).toEqual({ bytes: 16 + 8 + 8 + 0, blocks: 2 + 2 + 2 + 3, stackCount: 4, processes: [] });
});

test("the limit shortens the list, not the totals", () => {
  const recording = new Recording();
  recording.apply(interval([1, 1, 1], [2, 2, 1], [3, 3, 1]));
  const { stacks, ...totals } = findOutstanding(recording, 1);
  expect(stacks.map(({ stack }) => stack)).toEqual([3]);
  expect(totals).toEqual({ bytes: 6, blocks: 3, stackCount: 3, processes: [] });
});
