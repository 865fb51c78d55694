/**
 * Which processes a user means: by PID, by name, by cgroup, and what a process has started.
 *
 * What is chosen by a property leaves out leakline itself, which may well share it, and processes that end while we
 * look. A PID that was given must be one that can be traced; everything else is an error.
 */

import { LeaklineError } from "../base/errors.ts";
import { cgroupMembers } from "./cgroup.ts";
import { MAX_TARGETS } from "./constants.ts";
import { tryReadSystemFile } from "./proc-file.ts";
import { requireTarget } from "./process-info.ts";
import { executableName, listProcesses, type RunningProcess, readRunning } from "./process-table.ts";

/** `comm` holds this many bytes (TASK_COMM_LEN of include/linux/sched.h, less the terminator); the rest is cut off. */
const COMMAND_LENGTH = 15;
/** Near misses that an error lists. */
const MAX_SUGGESTIONS = 8;

/**
 * The processes of these IDs, each once, in the order given. The ID of a thread stands for its process.
 *
 * @throws LeaklineError as `requireTarget`, for the first that cannot be traced; `refused` for leakline itself.
 */
export function processesByIds(ids: readonly number[]): RunningProcess[] {
  const found = new Map<number, RunningProcess>();
  for (const id of ids) {
    const { pid, parent, startTime, command } = requireTarget(id);
    if (pid === process.pid) {
      const hint = "its own allocations would be counted while it counts them";
      throw new LeaklineError("refused", `process ${pid} is leakline itself`, { hint });
    }
    found.set(pid, { pid, parent, startTime, command });
  }
  return limited([...found.values()]);
}

/**
 * All processes of a name: that of the main thread, as `ps -o comm` shows it, or the file name of the executable.
 *
 * @returns at least one, by ascending PID.
 * @throws LeaklineError `not-found` with names that are nearly the same, `limit`.
 */
export function processesByName(name: string): RunningProcess[] {
  const all = othersOf(listProcesses());
  const found = all.filter((one) => hasName(one, name));
  if (found.length > 0) return limited(found);
  const near = nearNames(all, name);
  const hint = near.length > 0 ? `there is ${near.join(", ")}` : "`ps -e` lists processes";
  throw new LeaklineError("not-found", `no process is called ${name}`, { hint });
}

/**
 * All processes of a control group and of the groups below it.
 *
 * @param path as /proc/PID/cgroup shows it, or of a directory below /sys/fs/cgroup.
 * @returns at least one, by ascending PID.
 * @throws LeaklineError as `cgroupMembers`; `not-found` when the group is empty.
 */
export function processesByCgroup(path: string): RunningProcess[] {
  const { directory, pids, outside } = cgroupMembers(path);
  const found = othersOf(pids.flatMap((pid) => readRunning(pid) ?? []));
  if (found.length > 0) return limited(found);
  const hint =
    outside > 0 ? `${outside} are outside leakline's PID namespace: run it on the host` : "`systemd-cgls` lists groups";
  throw new LeaklineError("not-found", `${directory} has no process that can be traced`, { hint });
}

/**
 * Children, their children and so on, parents first. None when the process has ended: its children are then another's.
 *
 * By the parents that all processes name: the kernel's own lists (/proc/PID/task/TID/children) depend on its
 * configuration, and need as many reads for a program with many threads.
 *
 * @throws LeaklineError `limit`.
 */
export function descendantsOf(pid: number): RunningProcess[] {
  const byParent = new Map<number, RunningProcess[]>();
  for (const one of othersOf(listProcesses())) {
    const siblings = byParent.get(one.parent);
    if (siblings) siblings.push(one);
    else byParent.set(one.parent, [one]);
  }
  const found: RunningProcess[] = [];
  // Entries were read one after another, so numbers that were given anew meanwhile could form a circle.
  const seen = new Set([pid]);
  for (let parent: number | undefined = pid, next = 0; parent !== undefined; parent = found[next++]?.pid) {
    for (const child of byParent.get(parent) ?? []) {
      if (seen.has(child.pid)) continue;
      seen.add(child.pid);
      found.push(child);
    }
  }
  return limited(found);
}

function othersOf(processes: readonly RunningProcess[]): RunningProcess[] {
  return processes.filter(({ pid }) => pid !== process.pid);
}

/** @throws LeaklineError `limit` when there are more than can be traced at a time. */
function limited(processes: RunningProcess[]): RunningProcess[] {
  if (processes.length <= MAX_TARGETS) return processes;
  const hint = "choose fewer";
  throw new LeaklineError("limit", `${processes.length} processes, of ${MAX_TARGETS} at most`, { hint });
}

function hasName({ pid, command }: RunningProcess, name: string): boolean {
  if (command === name || executableName(pid) === name) return true;
  const isCut = Buffer.byteLength(name) > COMMAND_LENGTH;
  return isCut && Buffer.from(name).toString("utf8", 0, COMMAND_LENGTH) === command && isStartedAs(pid, name);
}

/** A longer name is known from the arguments only; that of a script is the second, behind its interpreter. */
function isStartedAs(pid: number, name: string): boolean {
  const words = (tryReadSystemFile(`/proc/${pid}/cmdline`) ?? "").split("\0", 2);
  return words.some((word) => word === name || word.endsWith(`/${name}`));
}

/** `redis-server (123)`: one holds the other, or they differ in two letters at most. */
function nearNames(processes: readonly RunningProcess[], name: string): string[] {
  const wanted = name.toLowerCase();
  const near: string[] = [];
  for (const { pid, command } of processes) {
    if (near.length === MAX_SUGGESTIONS) break;
    const names = [...new Set([command, executableName(pid) ?? command])];
    const match = names.find((one) => isNear(one.toLowerCase(), wanted));
    if (match !== undefined) near.push(`${match} (${pid})`);
  }
  return near;
}

function isNear(a: string, b: string): boolean {
  if (a === "" || b === "") return false;
  if (a.includes(b) || b.includes(a)) return true;
  return Math.min(a.length, b.length) > 3 && editDistance(a, b) <= 2;
}

/** Letters to insert, delete or change (Levenshtein), row by row. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3; // far enough
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length];
}
