/**
 * The two records that the kernel keeps of each process: /proc/PID/stat and /proc/PID/status (proc_pid_stat(5),
 * proc_pid_status(5)). Pure parsers.
 */

import { MalformedError } from "../base/errors.ts";

/** What is used of /proc/PID/stat. */
export type ProcessStat = {
  /** The main thread's name, at most 15 bytes, chosen by the process: may hold blanks, parentheses and newlines. */
  readonly command: string;
  /** One letter, field 3. */
  readonly state: string;
  /** PID of the parent, field 4; 0 when that is outside our PID namespace. */
  readonly parent: number;
  /** `PF_*`, field 9. */
  readonly flags: number;
  /** Threads not yet reaped, field 20. */
  readonly threads: number;
  /** Clock ticks since boot, field 22. With the PID it names a process for ever. */
  readonly startTime: number;
};

/** @throws MalformedError */
export function parseStat(text: string, name = "stat"): ProcessStat {
  // The name stands in parentheses and is not escaped; all that follows it is a letter and numbers.
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  const fields = text
    .slice(close + 2)
    .trim()
    .split(" ");
  // Fields are counted from 1, and the first of `fields` is number 3.
  const state = fields[0];
  const [parent, flags, threads, startTime] = [4, 9, 20, 22].map((number) => Number(fields[number - 3] ?? "missing"));
  const numbers = [parent, flags, threads, startTime];
  if (open < 0 || close < open || !/^[A-Za-z]$/.test(state) || !numbers.every(Number.isSafeInteger))
    throw new MalformedError(name, "fields", 0, `not a process record: ${JSON.stringify(text.slice(0, 100))}`);
  return { command: text.slice(open + 1, close), state, parent, flags, threads, startTime };
}

/** /proc/PID/status: `Key:\tvalue` lines; values without the blanks around them. The kernel escapes newlines here. */
export function parseStatus(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) values.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return values;
}

/**
 * The cgroup path of /proc/PID/cgroup (cgroups(7)): that of version 1's memory controller where there is one (it then
 * is what limits the process's memory), else that of version 2.
 *
 * @returns undefined when the text has neither.
 */
export function parseCgroup(text: string): string | undefined {
  const lines = text.split("\n").map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
  const found = lines.find((line) => line?.[1].split(",").includes("memory")) ?? lines.find((line) => line?.[1] === "");
  return found?.[2];
}

/** A main thread that ends before the others is shown as a zombie too; then the process still has threads. */
export function hasEnded(stat: ProcessStat): boolean {
  return stat.state === "X" || (stat.state === "Z" && stat.threads <= 1);
}
