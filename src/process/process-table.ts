/**
 * All processes that run now, as far as choosing among them needs.
 *
 * /proc is read entry by entry, so this is no snapshot: a process that ends meanwhile is left out, one that starts may
 * or may not be there. Each entry is consistent in itself, and its start time tells it from a later process with the
 * same number.
 */

import { posix } from "node:path";
import { LeaklineError } from "../base/errors.ts";
import { PF_KTHREAD } from "./constants.ts";
import { readProcessFile, tryReadDirectory, tryReadLink } from "./proc-file.ts";
import { hasEnded, type ProcessStat, parseStat } from "./stat.ts";

/** A process that runs a program: neither a kernel thread nor a zombie. */
export type RunningProcess = {
  readonly pid: number;
  /** PID of its parent; 0 when that is outside our PID namespace. */
  readonly parent: number;
  /** Clock ticks since boot. */
  readonly startTime: number;
  /** The main thread's name, at most 15 bytes. */
  readonly command: string;
};

/** By ascending PID. */
export function listProcesses(): RunningProcess[] {
  return tryReadDirectory("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
    .flatMap((pid) => readRunning(pid) ?? []);
}

/** The process of a PID; undefined when it has ended, runs no program, or is hidden from us. */
export function readRunning(pid: number): RunningProcess | undefined {
  let stat: ProcessStat;
  try {
    stat = parseStat(readProcessFile(pid, "stat"), `/proc/${pid}/stat`);
  } catch (error) {
    if (error instanceof LeaklineError) return undefined;
    throw error;
  }
  if ((stat.flags & PF_KTHREAD) !== 0 || hasEnded(stat)) return undefined;
  const { parent, startTime, command } = stat;
  return { pid, parent, startTime, command };
}

/** The file name of the program that a process runs, also when it was deleted since; undefined when it is not ours to know. */
export function executableName(pid: number): string | undefined {
  const path = tryReadLink(pid, "exe");
  return path && posix.basename(path.replace(/ \(deleted\)$/, ""));
}
