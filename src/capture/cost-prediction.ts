/**
 * What tracing will cost a process, said before it is attached to: the costs of probes on this machine (probe-cost.ts),
 * added up for where the probes of its allocator will stand. Of the process only its list of mappings is read.
 *
 * How often it allocates is not known before it is traced, and not guessed.
 */

import { openFile } from "../os/file-bytes.ts";
import type { AllocatorFunction, AllocatorLibrary } from "../process/allocators.ts";
import type { ProbeCosts } from "./probe-cost.ts";
import { isEmulatedAt, placeProbe } from "./probe-placement.ts";

/** Whether the kernel emulates the instruction that is probed, which is cheap. */
export type Placement = "emulated" | "out of line";

export type PairPlacement = { readonly malloc: Placement; readonly free: Placement };

/** Frames of a short and of a long stack. */
export const USUAL_FRAMES = [10, 30] as const;

/**
 * Where the probes on malloc and free will stand, in the first library that has both: the one that a program's own
 * calls go to.
 *
 * @returns undefined when there is no such library.
 * @throws LeaklineError when its file cannot be read.
 */
export function findPairPlacement(libraries: readonly AllocatorLibrary[]): PairPlacement | undefined {
  for (const { module, functions } of libraries) {
    const [malloc, free] = ["malloc", "free"].map((wanted) => functions.find(({ name }) => name === wanted));
    if (!malloc || !free) continue;
    const file = openFile(module.openedAs ?? module.path);
    try {
      const place = ({ fileOffset, size }: AllocatorFunction): Placement =>
        placementOf(file.read(fileOffset, Math.min(size, MAX_FUNCTION)));
      return { malloc: place(malloc), free: place(free) };
    } finally {
      file.close();
    }
  }
  return undefined;
}

/** More bytes than malloc and free have. */
const MAX_FUNCTION = 1 << 16;

function placementOf(code: Uint8Array): Placement {
  return isEmulatedAt(code, placeProbe(code)) ? "emulated" : "out of line";
}

/**
 * @param frames depth of the stack.
 * @returns nanoseconds that a malloc and its free will take more.
 */
export function predictPair(costs: ProbeCosts, placement: PairPlacement, frames: number): number {
  return probesOfPair(costs, placement) + costs.account + frames * costs.frame;
}

/** The part of the probes in it, in nanoseconds. */
export function probesOfPair(costs: ProbeCosts, { malloc, free }: PairPlacement): number {
  const entry = (placement: Placement): number => (placement === "emulated" ? costs.emulated : costs.outOfLine);
  return entry(malloc) + costs.atReturn + entry(free);
}
