/** Stacks that perf saw, looked for among those that leakline recorded. */

import type { Recording } from "../../src/recording/recording.ts";

/** As many frames as leakline keeps of a stack. */
const MAX_FRAMES = 127;

export type Comparison = {
  compared: number;
  /** Stacks that were recorded, every frame alike. */
  same: number;
  /** Stacks that perf could not follow to the end, as leakline did: alike as far as they go. */
  cutByPerf: number;
  frames: number;
  deepest: number;
  different: Difference[];
};

export type Difference = {
  /** What became of it in the recording: leakline's stack ends too early, or they part. */
  kind: "recorded stack is shorter" | "different frames";
  perf: readonly bigint[];
  /** The recorded stack that is most like it. */
  recorded: readonly bigint[];
  /** Why the recorded one ends. */
  end: string;
  /** How many frames are alike, from the innermost on. */
  common: number;
};

/** @param samples as in `PerfSamples`. */
export function compareStacks(samples: readonly (readonly bigint[])[], recording: Recording): Comparison {
  const recorded = [...recording.stacks.values()];
  const known = new Set(recorded.map(({ addresses }) => addresses.map((address) => address - 1n).join()));
  const result: Comparison = { compared: 0, same: 0, cutByPerf: 0, frames: 0, deepest: 0, different: [] };
  for (const perf of samples) {
    const frames = perf.slice(0, MAX_FRAMES);
    result.compared++;
    result.frames += frames.length;
    result.deepest = Math.max(result.deepest, frames.length);
    if (known.has(frames.join())) {
      result.same++;
      continue;
    }
    let best: (typeof recorded)[number] | undefined;
    let common = -1;
    for (const stack of recorded) {
      const length = commonLength(stack.addresses, frames);
      // Of those that agree as long, the one that ends there explains the difference best.
      const ends = length === stack.addresses.length && best?.addresses.length !== common;
      if (length > common || (length === common && ends)) [best, common] = [stack, length];
    }
    const addresses = best?.addresses ?? [];
    if (common === frames.length && common === addresses.length) result.same++;
    else if (common === frames.length) result.cutByPerf++;
    else {
      const kind = common === addresses.length ? "recorded stack is shorter" : "different frames";
      result.different.push({ kind, perf: frames, recorded: addresses, end: best?.end ?? "", common });
    }
  }
  return result;
}

function commonLength(recorded: readonly bigint[], perf: readonly bigint[]): number {
  let length = 0;
  while (length < recorded.length && length < perf.length && isSame(recorded[length], perf[length])) length++;
  return length;
}

function isSame(recorded: bigint, perf: bigint): boolean {
  return recorded === perf || recorded === perf + 1n;
}
