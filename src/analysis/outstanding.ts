/** What is allocated and not freed, by call stack, largest first. */

import type { StackTotals } from "../recording/events.ts";
import type { Recording } from "../recording/recording.ts";

export type Outstanding = {
  /** Of all stacks, also those that the list leaves out. */
  bytes: number;
  blocks: number;
  stackCount: number;
  /** Stacks with outstanding blocks: most bytes first, then most blocks, then oldest. */
  stacks: StackTotals[];
};

/** @param limit at most so many stacks in the list; the totals are over all. */
export function findOutstanding(recording: Recording, limit: number): Outstanding {
  const stacks = [...recording.totals.values()].filter((totals) => totals.blocks > 0);
  stacks.sort((a, b) => b.bytes - a.bytes || b.blocks - a.blocks || a.stack - b.stack);
  return {
    bytes: stacks.reduce((sum, totals) => sum + totals.bytes, 0),
    blocks: stacks.reduce((sum, totals) => sum + totals.blocks, 0),
    stackCount: stacks.length,
    stacks: stacks.slice(0, limit),
  };
}
