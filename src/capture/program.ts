/**
 * The eBPF object, sized and loaded for a capture.
 *
 * For function entries it has programs that differ in how they walk the stack, and in whether the return is part of the
 * same probe; one of them is loaded. Walking by unwind tables asks more of the kernel, so where that refuses, frame
 * pointers take over, with a warning.
 */

import { existsSync, statSync } from "node:fs";
import { arch, release } from "node:os";
import { describeError, LeaklineError } from "../base/errors.ts";
import type { BpfObject, Libbpf } from "../bpf/libbpf.ts";
import { packageFile } from "../os/package-file.ts";
import { KERNEL } from "../process/constants.ts";
import { isAtLeast, parseKernelVersion } from "../process/kernel-version.ts";
import { DECAY_STEPS, MAX_MAPPINGS, SETTINGS } from "./layout.ts";

export type ProgramOptions = {
  /** Most blocks outstanding at a time; further ones are dropped and counted. */
  maxBlocks: number;
  /** Most different stacks; allocations from further ones are dropped and counted. */
  maxStacks: number;
  /** Most threads that allocate; likewise. */
  maxThreads: number;
  /** Most processes at a time. */
  maxProcesses: number;
  /** One sample in every so many allocated bytes on average; 0: every allocation. */
  sampleBytes: number;
};

export type LoadedProgram = {
  object: BpfObject;
  /** The program for allocating functions, and whether it sees their returns too. */
  entry: string;
  isSession: boolean;
  /** The kernel tells of processes that execute. Without that, it is noticed by looking. */
  hearsOfExec: boolean;
  /** Entries of map `unwind_rows`; 0 when stacks are walked by frame pointers. */
  unwindRows: number;
};

export const RELEASE_PROGRAM = "function_release";
export const RETURN_PROGRAM = "function_return";

/** By whether it is a session, and whether it walks by tables. */
const ENTRY_PROGRAMS = [
  { name: "function_enter", isSession: false, byTables: false },
  { name: "function_enter_by_tables", isSession: false, byTables: true },
  { name: "function_session", isSession: true, byTables: false },
  { name: "function_session_by_tables", isSession: true, byTables: true },
] as const;

/** Whether this machine's kernel can walk stacks by unwind tables. */
export function canWalkByTables(): boolean {
  const version = parseKernelVersion(release());
  return arch() === "x64" && version !== undefined && isAtLeast(version, KERNEL.loop);
}

/**
 * @param unwindRows room for so many rows of unwind tables; 0 to walk by frame pointers.
 * @throws LeaklineError as `BpfObject.load`, or `unsupported` when there is no eBPF object for this architecture.
 */
export function loadProgram(
  libbpf: Libbpf,
  options: ProgramOptions,
  unwindRows: number,
  warn: (message: string) => void,
): LoadedProgram {
  const object = libbpf.open(objectPath());
  const byTables = unwindRows > 0;
  try {
    setSizes(object, options, unwindRows);
    const entry = chooseEntry(object, libbpf.hasSessions, byTables);
    object.setUprobeKind(RELEASE_PROGRAM, "entry");
    if (libbpf.hasSessions) object.skipProgram(RETURN_PROGRAM);
    else object.setUprobeKind(RETURN_PROGRAM, "return");
    object.load();
    writeSettings(object, options.sampleBytes);
    return { object, entry, isSession: libbpf.hasSessions, hearsOfExec: false, unwindRows };
  } catch (error) {
    object.close();
    if (!(error instanceof LeaklineError) || error.code !== "unsupported" || !byTables) throw error;
    warn(`stacks are walked by frame pointers, not by unwind tables: ${describeError(error)}`);
    return loadProgram(libbpf, options, 0, warn);
  }
}

function setSizes(object: BpfObject, options: ProgramOptions, unwindRows: number): void {
  const { maxBlocks, maxStacks, maxThreads, maxProcesses } = options;
  object.setMaxEntries("blocks", maxBlocks);
  object.setMaxEntries("totals", maxStacks);
  object.setMaxEntries("frames", maxStacks);
  object.setMaxEntries("threads", maxThreads);
  object.setMaxEntries("processes", maxProcesses);
  object.setMaxEntries("slots", maxProcesses);
  object.setMaxEntries("framed", maxProcesses);
  if (unwindRows === 0) return;
  object.setMaxEntries("unwind_rows", unwindRows);
  object.setMaxEntries("unwind_state", maxProcesses);
  object.setMaxEntries("unwind_mappings", 2 * MAX_MAPPINGS * maxProcesses);
}

function chooseEntry(object: BpfObject, sessions: boolean, byTables: boolean): string {
  let chosen = "";
  for (const { name, ...program } of ENTRY_PROGRAMS) {
    if (program.isSession !== sessions || program.byTables !== byTables) object.skipProgram(name);
    else {
      object.setUprobeKind(name, sessions ? "session" : "entry");
      chosen = name;
    }
  }
  return chosen;
}

function writeSettings(object: BpfObject, sampleBytes: number): void {
  const settings = new DataView(new ArrayBuffer(SETTINGS.size));
  const { dev, ino } = statSync("/proc/self/ns/pid", { bigint: true });
  settings.setBigUint64(SETTINGS.pidNamespaceDevice, dev, true);
  settings.setBigUint64(SETTINGS.pidNamespaceInode, ino, true);
  settings.setBigUint64(SETTINGS.pageSize, BigInt(PAGE_SIZE), true);
  settings.setBigUint64(SETTINGS.sampleBytes, BigInt(sampleBytes), true);
  settings.setBigUint64(SETTINGS.sampleInverse, sampleBytes ? (1n << 40n) / BigInt(sampleBytes) : 0n, true);
  object.map("settings").update(new Uint8Array(4), new Uint8Array(settings.buffer));
  if (sampleBytes === 0) return;
  const decay = object.map("decay");
  for (let k = 0; k <= DECAY_STEPS; k++) {
    const power = Uint32Array.of(Math.round(2 ** 30 * Math.exp(-k / 4)));
    decay.update(new Uint8Array(Uint32Array.of(k).buffer), new Uint8Array(power.buffer));
  }
}

/** Of x86-64; arm64 kernels may have larger ones, and then round mappings less finely than we. */
const PAGE_SIZE = 4096;

/** As `uname -m` says, for the architectures that there is an eBPF object for. */
export function machine(): string {
  return arch() === "x64" ? "x86_64" : arch();
}

function objectPath(): string {
  const path = packageFile(`bpf/memleak.${machine()}.bpf.o`);
  if (existsSync(path)) return path;
  throw new LeaklineError("unsupported", `leakline cannot trace on ${machine()}: it has no eBPF program for it`, {
    hint: "x86_64 and arm64 are supported",
  });
}
