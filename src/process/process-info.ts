/**
 * What a process is, and whether leakline may trace it.
 *
 * `describeProcess` states facts about any process, for `doctor`; `requireTarget` adds the verdict. A PID alone does not
 * name a process: once it has ended the number is given to another. PID and start time together do.
 */

import { closeSync, openSync, readSync } from "node:fs";
import { LeaklineError } from "../base/errors.ts";
import { PF_KTHREAD } from "./constants.ts";
import { readProcessFile, targetGone, tryReadDirectory, tryReadLink, tryReadSystemFile } from "./proc-file.ts";
import { hasEnded, type ProcessStat, parseCgroup, parseStat, parseStatus } from "./stat.ts";

/** What the first bytes of an executable say about the machine it runs on (ELF header, e_ident and e_machine). */
export type Architecture = {
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  /** `EM_*` number. */
  readonly machine: number;
};

export type ProcessInfo = {
  /** The process's number in our PID namespace. */
  readonly pid: number;
  /** The number that was asked for, when it is that of a thread other than the main one. */
  readonly threadId: number | undefined;
  /** PID of its parent; 0 when that is outside our PID namespace. */
  readonly parent: number;
  /** The main thread's name, at most 15 bytes. */
  readonly command: string;
  /** Clock ticks since boot. */
  readonly startTime: number;
  /** One letter (proc_pid_stat(5)): R, S, D, T, t, Z, X, I. */
  readonly state: string;
  readonly threads: number;
  /** Effective user ID. */
  readonly uid: number;
  readonly isKernelThread: boolean;
  /** All of it has ended, and its parent has not asked for its exit status yet. */
  readonly isZombie: boolean;
  /** Its number in each PID namespace it lives in, ours first, its own last. */
  readonly namespacePids: readonly number[];
  /** E.g. `mnt:[4026531841]`; undefined, like all that follows, when we may not know. */
  readonly mountNamespace: string | undefined;
  readonly pidNamespace: string | undefined;
  readonly sameMountNamespace: boolean | undefined;
  readonly samePidNamespace: boolean | undefined;
  /** Path of the executable, with ` (deleted)` behind it when it has been unlinked. */
  readonly executable: string | undefined;
  readonly architecture: Architecture | undefined;
  /** Is the executable made for the same kind of machine as leakline's own? */
  readonly sameArchitecture: boolean | undefined;
  /** Its root directory: other than `/` after chroot(2). */
  readonly root: string | undefined;
  /** The strictest mode that any of its threads is in (seccomp(2)). */
  readonly seccomp: "off" | "strict" | "filter" | undefined;
  /** PID of the debugger that traces it. */
  readonly tracer: number | undefined;
  readonly cgroup: string | undefined;
};

/**
 * Describes a process as far as we may look. Never refuses one for what it is.
 *
 * @param id a PID, or the ID of any thread of the process.
 * @throws LeaklineError `target-gone` when there is no such process, or it ends meanwhile; `permission` when /proc hides
 *   it from us.
 */
export function describeProcess(id: number): ProcessInfo {
  const asked = readStatus(id);
  const pid = Number(asked.get("Tgid") ?? id);
  const status = pid === id ? asked : readStatus(pid);
  const stat = readStat(pid);
  const mountNamespace = tryReadLink(pid, "ns/mnt");
  const pidNamespace = tryReadLink(pid, "ns/pid");
  const architecture = readArchitecture(pid);
  const info: ProcessInfo = {
    pid,
    threadId: pid === id ? undefined : id,
    parent: stat.parent,
    command: stat.command,
    startTime: stat.startTime,
    state: stat.state,
    threads: stat.threads,
    uid: Number(status.get("Uid")?.split("\t")[1]),
    isKernelThread: (stat.flags & PF_KTHREAD) !== 0,
    isZombie: hasEnded(stat),
    namespacePids: (status.get("NSpid") ?? String(pid)).split("\t").map(Number),
    mountNamespace,
    pidNamespace,
    sameMountNamespace: isOurs(mountNamespace, "ns/mnt"),
    samePidNamespace: isOurs(pidNamespace, "ns/pid"),
    executable: tryReadLink(pid, "exe"),
    architecture,
    sameArchitecture: architecture && sameArchitecture(architecture, readArchitecture("self")),
    root: tryReadLink(pid, "root"),
    seccomp: strictestSeccomp(pid),
    tracer: Number(status.get("TracerPid")) || undefined,
    cgroup: parseCgroup(tryReadSystemFile(`/proc/${pid}/cgroup`) ?? ""),
  };
  // All that was read belongs together only if the number still means the same process.
  if (readStat(pid).startTime !== stat.startTime) throw targetGone(pid);
  return info;
}

/**
 * Describes a process that can be traced.
 *
 * @throws LeaklineError as `describeProcess`; `refused` for a kernel thread; `target-gone` for a zombie; `permission` when
 *   its executable is hidden from us; `unsupported` when its main thread has ended before the others.
 */
export function requireTarget(id: number): ProcessInfo {
  const info = describeProcess(id);
  const name = `process ${info.pid} (${info.command})`;
  if (info.isKernelThread) {
    const hint = "give the PID of a program";
    throw new LeaklineError("refused", `${name} is a kernel thread: it has no allocator to trace`, { hint });
  }
  if (info.isZombie) {
    const hint = "its parent has yet to collect its exit status";
    throw new LeaklineError("target-gone", `${name} has exited: it is a zombie`, { hint });
  }
  if (info.state === "Z") {
    const hint = "attach before it calls pthread_exit in main";
    throw new LeaklineError("unsupported", `${name}: its main thread has ended, only others still run`, { hint });
  }
  if (info.executable === undefined) {
    if (!isAlive(info.pid, info.startTime)) throw targetGone(info.pid);
    const hint = "run as root (sudo)";
    throw new LeaklineError("permission", `${name} belongs to user ${info.uid}: permission denied`, { hint });
  }
  return info;
}

/** Is this still the process that started then, and has any of its threads not ended? Safe against a reused PID. */
export function isAlive(pid: number, startTime: number): boolean {
  try {
    const stat = readStat(pid);
    return stat.startTime === startTime && !hasEnded(stat);
  } catch {
    return false;
  }
}

/** By the number that /proc/PID/status has. */
const SECCOMP_MODES = ["off", "strict", "filter"] as const;

/** A sandbox may confine one thread only, so all are asked. Undefined when the kernel has no seccomp. */
function strictestSeccomp(pid: number): ProcessInfo["seccomp"] {
  let strictest = -1;
  for (const thread of tryReadDirectory(`/proc/${pid}/task`)) {
    const status = parseStatus(tryReadSystemFile(`/proc/${pid}/task/${thread}/status`) ?? "");
    strictest = Math.max(strictest, Number(status.get("Seccomp") ?? -1));
  }
  return SECCOMP_MODES[strictest];
}

function isOurs(namespace: string | undefined, name: string): boolean | undefined {
  return namespace === undefined ? undefined : namespace === tryReadLink("self", name);
}

function readStat(pid: number): ProcessStat {
  return parseStat(readProcessFile(pid, "stat"), `/proc/${pid}/stat`);
}

function readStatus(id: number): Map<string, string> {
  if (!Number.isSafeInteger(id) || id <= 0)
    throw new LeaklineError("usage", `${id} is not a process ID`, { hint: "a PID is a positive whole number" });
  try {
    return parseStatus(readProcessFile(id, "status"));
  } catch (cause) {
    if (!(cause instanceof LeaklineError) || cause.code !== "target-gone") throw cause;
    if (isHidden(id)) {
      const hint = "run as root (sudo): /proc is mounted with hidepid";
      throw new LeaklineError("permission", `process ${id} belongs to another user and is hidden`, { hint });
    }
    throw new LeaklineError("target-gone", `there is no process ${id}`, { cause, hint: "`ps -e` lists processes" });
  }
}

/** Signal 0 only asks whether the process exists; a refusal says that it does. */
function isHidden(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** From the executable that runs, whatever its path means now. Undefined when it is not an ELF file or not ours to read. */
function readArchitecture(pid: number | "self"): Architecture | undefined {
  const header = new Uint8Array(20);
  try {
    const fd = openSync(`/proc/${pid}/exe`, "r");
    try {
      if (readSync(fd, header, 0, header.length, 0) < header.length) return undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
  const [magic, e, l, f, elfClass, data] = header;
  if (magic !== 0x7f || e !== 0x45 || l !== 0x4c || f !== 0x46) return undefined;
  const littleEndian = data === 1;
  const machine = littleEndian ? header[18] | (header[19] << 8) : (header[18] << 8) | header[19];
  return { bits: elfClass === 1 ? 32 : 64, littleEndian, machine };
}

function sameArchitecture(a: Architecture, b: Architecture | undefined): boolean {
  return b !== undefined && a.bits === b.bits && a.machine === b.machine && a.littleEndian === b.littleEndian;
}
