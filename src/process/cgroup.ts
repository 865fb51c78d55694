/**
 * The processes of a control group (cgroups(7); Documentation/admin-guide/cgroup-v2.rst).
 *
 * A group is a directory of a cgroup file system; `cgroup.procs` in it lists the processes, those of the groups below
 * it not included. Version 1 has one hierarchy for each set of controllers, version 2 has one for all; reading members
 * is the same in both. A path as /proc/PID/cgroup shows it is looked for in every hierarchy, in the order in which
 * they decide about memory: version 1's memory controller, version 2, the others.
 */

import { existsSync, readdirSync, realpathSync } from "node:fs";
import { posix } from "node:path";
import { LeaklineError } from "../base/errors.ts";
import { MAX_CGROUPS } from "./constants.ts";
import { readSystemFile, tryReadSystemFile } from "./proc-file.ts";
import { parseStatus } from "./stat.ts";

export type CgroupMembers = {
  /** Where the group is. */
  readonly directory: string;
  /** Of the group and all below it, ascending. */
  readonly pids: readonly number[];
  /** How many more there are outside our PID namespace, which have no number here. */
  readonly outside: number;
};

/** A mounted hierarchy. */
export type CgroupMount = {
  /** Directory where it is mounted. */
  readonly mountPoint: string;
  /** The group that is mounted there, as /proc/PID/cgroup names it; `/` unless a container sees only its own part. */
  readonly root: string;
  /** 0: version 1 with the memory controller; 1: version 2; 2: the rest. */
  readonly order: 0 | 1 | 2;
};

/**
 * The members of a group, at about this time: they start and end while we read.
 *
 * @param path `/system.slice/x.service`, with or without the first slash, or `/sys/fs/cgroup/…`.
 * @throws LeaklineError `not-found` when no hierarchy has such a group, `limit`, `permission`, `io`.
 */
export function cgroupMembers(path: string): CgroupMembers {
  const mounts = parseCgroupMounts(tryReadSystemFile("/proc/self/mountinfo") ?? "");
  const directory = findGroup(path, mounts);
  const pids = new Set<number>();
  let outside = 0;
  for (const group of groupsBelow(directory)) {
    for (const id of readMembers(group)) {
      if (id === 0) outside++;
      else pids.add(id);
    }
  }
  return { directory, pids: [...pids].sort((a, b) => a - b), outside };
}

/**
 * The cgroup hierarchies of /proc/PID/mountinfo (proc_pid_mountinfo(5)), the one that limits memory first.
 *
 * A line is `ID parent device root mount-point options [fields…] - type source super-options`; blanks in paths are
 * octal escapes.
 */
export function parseCgroupMounts(text: string): CgroupMount[] {
  const mounts = text.split("\n").flatMap((line): CgroupMount[] => {
    const fields = line.split(" ");
    const separator = fields.indexOf("-", 6);
    const [type, , options] = fields.slice(separator + 1);
    if (separator < 0 || (type !== "cgroup" && type !== "cgroup2")) return [];
    const order = type === "cgroup2" ? 1 : options?.split(",").includes("memory") ? 0 : 2;
    return [{ root: unescapeOctal(fields[3]), mountPoint: unescapeOctal(fields[4]), order }];
  });
  return mounts.sort((a, b) => a.order - b.order);
}

function unescapeOctal(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function findGroup(path: string, mounts: readonly CgroupMount[]): string {
  const wanted = posix.normalize(`/${path}`);
  const directories = mounts.flatMap(({ mountPoint, root }) => [
    ...(isBelow(wanted, mountPoint) ? [wanted] : []),
    ...(isBelow(wanted, root) ? [posix.join(mountPoint, posix.relative(root, wanted))] : []),
  ]);
  for (const directory of directories) {
    // Where it really is: version 1 has links, such as cpu for cpu,cpuacct.
    const real = existsSync(`${directory}/cgroup.procs`) ? realpathSync(directory) : undefined;
    if (real !== undefined && mounts.some(({ mountPoint }) => isBelow(real, mountPoint))) return real;
  }
  const hint = mounts.length > 0 ? "/proc/PID/cgroup shows that of a process" : "no cgroup file system is mounted";
  throw new LeaklineError("not-found", `${path}: no such control group`, { hint });
}

function isBelow(path: string, directory: string): boolean {
  return directory === "/" || path === directory || path.startsWith(`${directory}/`);
}

/** The directory and all below it. Groups come and go meanwhile: one that went has no members. */
function groupsBelow(directory: string): string[] {
  const groups = [directory];
  for (let next = 0; next < groups.length; next++) {
    for (const name of directoriesIn(groups[next])) groups.push(`${groups[next]}/${name}`);
    if (groups.length > MAX_CGROUPS)
      throw new LeaklineError("limit", `${directory}: more than ${MAX_CGROUPS} groups`, {
        hint: "choose one below it",
      });
  }
  return groups;
}

function directoriesIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
  } catch {
    return [];
  }
}

/** The numbers in a group's list; 0 for a process outside our PID namespace. */
function readMembers(group: string): number[] {
  try {
    return numbersOf(readSystemFile(`${group}/cgroup.procs`));
  } catch (cause) {
    if (cause instanceof LeaklineError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENODEV") return [];
    // Node's word for EOPNOTSUPP: a threaded group (version 2) lists no processes, it may hold some threads of one only.
    if (code === "ENOTSUP") return numbersOf(tryReadSystemFile(`${group}/cgroup.threads`) ?? "").flatMap(processOf);
    if (code === "EACCES" || code === "EPERM")
      throw new LeaklineError("permission", `${group}: permission denied`, { cause, hint: "run as root (sudo)" });
    throw new LeaklineError("io", `${group}: its processes cannot be read: ${message}`, { cause });
  }
}

function numbersOf(text: string): number[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

/** The process of a thread; none when it has ended. */
function processOf(thread: number): number[] {
  if (thread === 0) return [0];
  const process = parseStatus(tryReadSystemFile(`/proc/${thread}/status`) ?? "").get("Tgid");
  return process === undefined ? [] : [Number(process)];
}
