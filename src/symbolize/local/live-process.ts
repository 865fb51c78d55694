/** A living process, looked at now: a recording with one set of mappings and nothing else. */

import { MappingTracker } from "../../capture/mapping-tracker.ts";
import { requireTarget } from "../../process/process-info.ts";
import { Recording } from "../../recording/recording.ts";
import type { Frame } from "../frame.ts";
import { Symbolizer } from "../symbolizer.ts";
import type { Debuginfod } from "./debuginfod.ts";
import type { IndexStore } from "./index-store.ts";
import { localFiles } from "./local-files.ts";

export type LiveProcess = {
  readonly pid: number;
  readonly recording: Recording;
  readonly symbolizer: Symbolizer;
  /** The frames at an absolute address, innermost first. */
  resolve(address: bigint, isReturnAddress: boolean): Frame[];
  /** The frames of many, in the order given; faster than one by one. */
  resolveAll(addresses: readonly bigint[], isReturnAddress: boolean): Frame[][];
};

/**
 * Reads a process's mappings and identifies their files. When the process exits later, what was opened until then still
 * answers, and so does what its paths lead to, if it has the same build ID or inode.
 *
 * @throws LeaklineError as `requireTarget`.
 */
export function openLiveProcess(
  id: number,
  debugDirectories: readonly string[] = [],
  debuginfod?: Debuginfod,
  answers?: IndexStore,
): LiveProcess {
  const { pid } = requireTarget(id);
  const recording = new Recording();
  new MappingTracker(pid, new Map(), { emit: (event) => recording.apply(event), warn() {} }).update(0);
  const symbolizer = new Symbolizer(recording, localFiles({ pid, debugDirectories, debuginfod, answers }));
  return {
    pid,
    recording,
    symbolizer,
    resolve: (address, isReturn) => symbolizer.resolve(pid, address, isReturn),
    resolveAll: (addresses, isReturn) => symbolizer.resolveAll(pid, addresses, isReturn),
  };
}
