/** What is allocated and not freed, by call stack and by process, largest first. */

import type { ProcessEvent, StackTotals } from "../recording/events.ts";
import type { Recording } from "../recording/recording.ts";

export type Outstanding = {
  /** Of all stacks, also those that the list leaves out. */
  bytes: number;
  blocks: number;
  stackCount: number;
  /** Stacks with outstanding blocks: most bytes first, then most blocks, then oldest. */
  stacks: StackTotals[];
  /** All that run, and those that have ended with outstanding blocks: most bytes first, then by PID. */
  processes: ProcessTotals[];
};

/** A process's account. */
export type ProcessTotals = { process: ProcessEvent; ended: boolean; bytes: number; blocks: number };

/** @param limit at most so many stacks in the list; the totals, and those of the processes, are over all. */
export function findOutstanding(recording: Recording, limit: number): Outstanding {
  const stacks = [...recording.totals.values()].filter((totals) => totals.blocks > 0);
  stacks.sort((a, b) => b.bytes - a.bytes || b.blocks - a.blocks || a.stack - b.stack);
  return {
    bytes: stacks.reduce((sum, totals) => sum + totals.bytes, 0),
    blocks: stacks.reduce((sum, totals) => sum + totals.blocks, 0),
    stackCount: stacks.length,
    stacks: stacks.slice(0, limit),
    processes: addUpProcesses(recording, stacks),
  };
}

function addUpProcesses(recording: Recording, stacks: readonly StackTotals[]): ProcessTotals[] {
  // By what a process is, not by its number, which a later one may have.
  const found = new Map<string, ProcessTotals>();
  const totalsOf = (process: ProcessEvent): ProcessTotals => {
    const key = `${process.pid} ${process.startTicks}`;
    const totals = found.get(key) ?? { process, ended: recording.hasEnded(process), bytes: 0, blocks: 0 };
    found.set(key, totals);
    return totals;
  };
  for (const process of recording.processes.values()) totalsOf(process);
  for (const { stack, bytes, blocks } of stacks) {
    const event = recording.stacks.get(stack);
    const process = event && recording.processOf(event);
    if (!process) continue; // damaged recording
    const totals = totalsOf(process);
    totals.bytes += bytes;
    totals.blocks += blocks;
  }
  const all = [...found.values()];
  // What ended with nothing left is no news, unless it is all there was.
  const shown = all.filter(({ ended, blocks }) => !ended || blocks > 0);
  return (shown.length > 0 ? shown : all).sort((a, b) => b.bytes - a.bytes || a.process.pid - b.process.pid);
}
