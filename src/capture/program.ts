/**
 * The eBPF object, sized and loaded for a capture.
 *
 * It has two programs for function entries, which differ in how they walk the stack; one is loaded. Walking by unwind
 * tables asks more of the kernel's verifier, so where that refuses, frame pointers take over, with a warning.
 */

import { existsSync } from "node:fs";
import { arch, release } from "node:os";
import { fileURLToPath } from "node:url";
import { describeError, LeaklineError } from "../base/errors.ts";
import type { BpfObject, Libbpf } from "../bpf/libbpf.ts";
import { KERNEL } from "../process/constants.ts";
import { isAtLeast, parseKernelVersion } from "../process/kernel-version.ts";

export type ProgramOptions = {
  /** Most blocks outstanding at a time; further ones are dropped and counted. */
  maxBlocks: number;
  /** Most different stacks; allocations from further ones are dropped and counted. */
  maxStacks: number;
};

export type LoadedProgram = {
  object: BpfObject;
  /** The program for function entries. */
  entry: string;
  /** Entries of map `unwind_rows`; 0 when stacks are walked by frame pointers. */
  unwindRows: number;
};

const BY_TABLES = "function_enter_by_tables";
const BY_FRAME_POINTERS = "function_enter";

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
  const entry = unwindRows > 0 ? BY_TABLES : BY_FRAME_POINTERS;
  try {
    object.setMaxEntries("blocks", options.maxBlocks);
    object.setMaxEntries("totals", options.maxStacks);
    object.setMaxEntries("frames", options.maxStacks);
    if (unwindRows > 0) object.setMaxEntries("unwind_rows", unwindRows);
    object.skipProgram(unwindRows > 0 ? BY_FRAME_POINTERS : BY_TABLES);
    object.load();
    return { object, entry, unwindRows };
  } catch (error) {
    object.close();
    if (!(error instanceof LeaklineError) || error.code !== "unsupported" || unwindRows === 0) throw error;
    warn(`stacks are walked by frame pointers, not by unwind tables: ${describeError(error)}`);
    return loadProgram(libbpf, options, 0, warn);
  }
}

/** As `uname -m` says, for the architectures that there is an eBPF object for. */
export function machine(): string {
  return arch() === "x64" ? "x86_64" : arch();
}

function objectPath(): string {
  const path = fileURLToPath(new URL(`../../bpf/memleak.${machine()}.bpf.o`, import.meta.url));
  if (existsSync(path)) return path;
  throw new LeaklineError("unsupported", `leakline cannot trace on ${machine()}: it has no eBPF program for it`, {
    hint: "x86_64 and arm64 are supported",
  });
}
