/**
 * A report as data: what every renderer gets. The JSON output is this object with addresses in hexadecimal, so its
 * field names are a promise (`version`).
 */

import { findOutstanding } from "../analysis/outstanding.ts";
import type { Losses, StackClass, StackEnd, StackEvent, Time } from "../recording/events.ts";
import type { Recording } from "../recording/recording.ts";
import type { Frame } from "../symbolize/frame.ts";

export type Report = {
  version: 1;
  kind: "report";
  time: Time;
  /** The last one: the process has exited, or leakline was told to stop. */
  final: boolean;
  process: { pid: number; name: string; executable: string } | undefined;
  /** Outstanding, over all stacks. */
  totals: { bytes: number; blocks: number; stacks: number };
  /** The largest ones. */
  stacks: ReportStack[];
  quality: Quality;
};

export type ReportStack = {
  id: number;
  class: StackClass;
  /** Outstanding. */
  bytes: number;
  blocks: number;
  /** Since the recording began, freed or not. */
  allocatedBytes: number;
  allocatedBlocks: number;
  /** Innermost first. Several for one address when functions were inlined. */
  frames: Frame[];
  /** Why the walk up the stack ended. */
  end: StackEnd;
};

/** How far the report can be trusted. */
export type Quality = Losses & {
  /** All stacks of the recording, by why they end where they end; `end`: they are whole. */
  stackEnds: { [end in StackEnd]?: number };
  /** Why the recording could be read only in part. */
  damage: string | undefined;
};

/** Gives the frames of a recorded stack, innermost first. */
export type ResolveStack = (stack: StackEvent) => Frame[];

/**
 * The report on a recording's last interval.
 *
 * @param top at most so many stacks.
 */
export function buildReport(
  recording: Recording,
  resolve: ResolveStack,
  options: { top: number; final: boolean; damage?: string | undefined },
): Report {
  const outstanding = findOutstanding(recording, options.top);
  const process = recording.processes.values().next().value;
  return {
    version: 1,
    kind: "report",
    final: options.final,
    time: recording.time ?? recording.start?.time ?? 0,
    process: process && { pid: process.pid, name: process.name, executable: process.executable },
    totals: { bytes: outstanding.bytes, blocks: outstanding.blocks, stacks: outstanding.stackCount },
    stacks: outstanding.stacks.flatMap((totals) => {
      const stack = recording.stacks.get(totals.stack);
      if (!stack) return []; // damaged recording: totals of a stack that it does not hold
      const { bytes, blocks, allocatedBytes, allocatedBlocks } = totals;
      const frames = resolve(stack);
      return {
        id: stack.stack,
        class: stack.class,
        bytes,
        blocks,
        allocatedBytes,
        allocatedBlocks,
        frames,
        end: stack.end,
      };
    }),
    quality: { ...recording.losses, stackEnds: countStackEnds(recording), damage: options.damage },
  };
}

function countStackEnds(recording: Recording): Quality["stackEnds"] {
  const counts: Quality["stackEnds"] = {};
  for (const { end } of recording.stacks.values()) counts[end] = (counts[end] ?? 0) + 1;
  return counts;
}
