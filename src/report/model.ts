/**
 * A report as data: what every renderer gets. The JSON output is this object with addresses in hexadecimal, so its
 * field names are a promise (`version`).
 */

import { findOutstanding, type ProcessTotals } from "../analysis/outstanding.ts";
import type { Losses, StackClass, StackEnd, StackEvent, Time } from "../recording/events.ts";
import type { Recording } from "../recording/recording.ts";
import type { Frame } from "../symbolize/frame.ts";

export type Report = {
  version: 1;
  kind: "report";
  time: Time;
  /** The last one: the process has exited, or leakline was told to stop. */
  final: boolean;
  /** The first that was recorded. */
  process: { pid: number; name: string; executable: string } | undefined;
  /** All that run, and those that have exited without freeing all: most bytes first. */
  processes: ReportProcess[];
  /** Present when allocations were sampled, one in every so many bytes on average: all numbers are estimates. */
  sampling?: { bytes: number } | undefined;
  /** Outstanding, over all stacks. */
  totals: { bytes: number; blocks: number; stacks: number };
  /** The largest ones. */
  stacks: ReportStack[];
  quality: Quality;
};

export type ReportProcess = {
  pid: number;
  name: string;
  executable: string;
  state: "running" | "exited";
  /** Outstanding; of a process that has exited, when it did. */
  bytes: number;
  blocks: number;
};

export type ReportStack = {
  id: number;
  pid: number;
  class: StackClass;
  /** Outstanding. */
  bytes: number;
  blocks: number;
  /** Since the recording began, freed or not. */
  allocatedBytes: number;
  allocatedBlocks: number;
  /** Innermost first. Several for one address when functions were inlined. */
  frames: ReportFrame[];
  /** Why the walk up the stack ended. */
  end: StackEnd;
};

/** `unverified`: it was found otherwise than by unwind information, and may be wrong. */
export type ReportFrame = Frame & { unverified?: true };

/** How far the report can be trusted. */
export type Quality = Losses & {
  /** All stacks of the recording, by why they end where they end; `end`: they are whole. */
  stackEnds: { [end in StackEnd]?: number };
  /** The same, each stack counted as often as it allocated. */
  allocationEnds: { [end in StackEnd]?: number };
  /** Stacks with frames that are not verified. */
  unverifiedStacks: number;
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
  const sampleBytes = recording.start?.sampleBytes ?? 0;
  const process = recording.processes.values().next().value;
  return {
    version: 1,
    kind: "report",
    final: options.final,
    time: recording.time ?? recording.start?.time ?? 0,
    process: process && { pid: process.pid, name: process.name, executable: process.executable },
    processes: outstanding.processes.map(describeProcess),
    ...(sampleBytes > 0 && { sampling: { bytes: sampleBytes } }),
    totals: { bytes: outstanding.bytes, blocks: outstanding.blocks, stacks: outstanding.stackCount },
    stacks: outstanding.stacks.flatMap((totals) => {
      const stack = recording.stacks.get(totals.stack);
      if (!stack) return []; // damaged recording: totals of a stack that it does not hold
      const { bytes, blocks, allocatedBytes, allocatedBlocks } = totals;
      const frames = markUnverified(resolve(stack), stack);
      return {
        id: stack.stack,
        pid: stack.pid,
        class: stack.class,
        bytes,
        blocks,
        allocatedBytes,
        allocatedBlocks,
        frames,
        end: stack.end,
      };
    }),
    quality: { ...recording.losses, ...describeStacks(recording), damage: options.damage },
  };
}

function describeProcess({ process, ended, bytes, blocks }: ProcessTotals): ReportProcess {
  const { pid, name, executable } = process;
  return { pid, name, executable, state: ended ? "exited" : "running", bytes, blocks };
}

/** Marks the frames of all addresses but the first `verified` ones. */
function markUnverified(frames: Frame[], { verified, addresses }: StackEvent): ReportFrame[] {
  if (verified >= addresses.length) return frames;
  let address = 0;
  return frames.map((frame) => {
    const isVerified = address < verified;
    if (!frame.inlined) address++; // the last frame of an address is the one that was not inlined
    return isVerified ? frame : { ...frame, unverified: true };
  });
}

function describeStacks({ stacks, totals }: Recording) {
  const stackEnds: Quality["stackEnds"] = {};
  const allocationEnds: Quality["allocationEnds"] = {};
  let unverifiedStacks = 0;
  for (const { stack, end, verified, addresses } of stacks.values()) {
    stackEnds[end] = (stackEnds[end] ?? 0) + 1;
    allocationEnds[end] = (allocationEnds[end] ?? 0) + (totals.get(stack)?.allocatedBlocks ?? 0);
    if (verified < addresses.length) unverifiedStacks++;
  }
  return { stackEnds, allocationEnds, unverifiedStacks };
}
