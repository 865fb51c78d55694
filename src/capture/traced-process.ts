/**
 * One process of a capture: its probes, its mappings, and the address space that its account belongs to.
 *
 * A process has a slot for as long as it is traced. Each program that it executes has an address space of its own, with
 * a number that the eBPF program changes at that moment; what we learn here a little later is what that number is now.
 */

import { arch } from "node:os";
import { describeError, LeaklineError } from "../base/errors.ts";
import type { BpfLink, BpfMap } from "../bpf/libbpf.ts";
import { openFile } from "../os/file-bytes.ts";
import { type AllocatorFunction, type AllocatorLibrary, allocatorsAmong } from "../process/allocators.ts";
import type { LoadedModule } from "../process/modules.ts";
import { readSystemBytes } from "../process/proc-file.ts";
import { isAlive, type ProcessInfo } from "../process/process-info.ts";
import type { UserFunction } from "../process/user-allocator.ts";
import { type Demangle, findUserFunctions, withUserFunctions } from "../process/user-functions.ts";
import type { StackClass } from "../recording/events.ts";
import { foreignProbes } from "./foreign-probes.ts";
import { keepsFrame } from "./keeps-frame.ts";
import { PROCESS } from "./layout.ts";
import { fileKey } from "./mapping-tracker.ts";
import { placeProbe } from "./probe-placement.ts";
import { type ProbePosition, planProbes } from "./probes.ts";
import { type LoadedProgram, RELEASE_PROGRAM, RETURN_PROGRAM } from "./program.ts";

export type ProbeOptions = {
  /** What is accounted. */
  classes: ReadonlySet<StackClass>;
  /** Functions that the user named. */
  functions: readonly UserFunction[];
  /** Turns symbols into names from source code; asked for nothing when no functions are named. */
  demangle: Demangle;
};

type Warn = (message: string) => void;

/** The first address space of a slot: its low half is the slot, the eBPF program counts in the other. */
export function firstSpace(slot: number): number {
  return 0x10000 + slot;
}

export class TracedProcess {
  readonly slot: number;
  /** The address space that is in force, as far as we know. */
  space: number;
  info: ProcessInfo;
  /** What is probed, for people. */
  readonly libraries: AllocatorLibrary[] = [];
  private readonly program: LoadedProgram;
  private readonly options: ProbeOptions;
  private readonly warn: Warn;
  private readonly processes: BpfMap;
  private readonly slots: BpfMap;
  private auxiliaryVector: string;
  private readonly links: BpfLink[] = [];
  /** Files that were looked through for allocators. */
  private readonly searched = new Set<string>();

  constructor(program: LoadedProgram, slot: number, info: ProcessInfo, options: ProbeOptions, warn: Warn) {
    this.program = program;
    this.slot = slot;
    this.space = firstSpace(slot);
    this.info = info;
    this.options = options;
    this.warn = warn;
    this.processes = program.object.map("processes");
    this.slots = program.object.map("slots");
    this.processes.update(encode(slot), new Uint8Array(Uint32Array.of(this.space, 0).buffer));
    this.slots.update(encode(info.pid), encode(slot));
    this.auxiliaryVector = readAuxiliaryVector(info.pid);
  }

  get pid(): number {
    return this.info.pid;
  }

  isAlive(): boolean {
    return isAlive(this.info.pid, this.info.startTime);
  }

  /**
   * Probes the allocators among files that were not seen before.
   *
   * @param mustFind throw when a function that the user named is in none of them.
   * @returns the libraries that are probed from now on.
   * @throws LeaklineError as `findUserFunctions`, and as `attachUprobes`.
   */
  probe(modules: readonly LoadedModule[], mustFind: boolean): AllocatorLibrary[] {
    const fresh = modules.filter((module) => !this.searched.has(fileKey(module.mappings[0])));
    if (fresh.length === 0) return [];
    const libraries = withUserFunctions(allocatorsAmong(this.pid, fresh), this.findNamed(fresh, mustFind));
    for (const module of fresh) this.searched.add(fileKey(module.mappings[0]));
    for (const library of libraries) {
      const shared = foreignProbes(this.pid, library);
      if (shared.length > 0) {
        const what = `${shared.slice(0, 4).join(", ")}${shared.length > 4 ? ` and ${shared.length - 4} more` : ""}`;
        this.warn(
          `process ${this.pid}: a debugger or another tracer has breakpoints on ${what}: costs add up, and a debugger that removes its own may end the account`,
        );
      }
      this.attach(library);
    }
    this.libraries.push(...libraries);
    return libraries;
  }

  /** Which address space is in force, by the eBPF program. */
  currentSpace(): number {
    if (!this.program.hearsOfExec) this.lookForExec();
    return this.state().getUint32(PROCESS.space, true);
  }

  /**
   * Has another thread than the main one executed the program? Then the kernel has lost what the probes were attached
   * to: they are void, and all files have to be probed again.
   */
  takeRenumbered(): boolean {
    const state = this.state();
    if (state.getUint32(PROCESS.renumbered, true) === 0) return false;
    this.processes.update(encode(this.slot), new Uint8Array(Uint32Array.of(state.getUint32(0, true), 0).buffer));
    this.detach();
    this.searched.clear();
    this.libraries.length = 0;
    return true;
  }

  /** Takes the probes away, and the process out of the eBPF program's sight. Its account stays. */
  close(): void {
    this.detach();
    this.slots.remove(encode(this.pid));
    this.processes.update(encode(this.slot), new Uint8Array(PROCESS.size));
  }

  /**
   * Has it executed a program, of which the eBPF program was not told? Each has an auxiliary vector of its own, with
   * addresses that are random. What was allocated before we look goes with the old program. Another thread than the main
   * one may have executed it.
   */
  private lookForExec(): void {
    const vector = readAuxiliaryVector(this.pid);
    if (vector === "" || vector === this.auxiliaryVector) return;
    this.auxiliaryVector = vector;
    const space = this.state().getUint32(PROCESS.space, true) + 0x10000;
    this.processes.update(encode(this.slot), new Uint8Array(Uint32Array.of(space, 1).buffer));
  }

  private detach(): void {
    for (const link of this.links.splice(0)) link.close();
  }

  private state(): DataView {
    return new DataView(this.processes.lookup(encode(this.slot))?.buffer ?? new ArrayBuffer(PROCESS.size));
  }

  private findNamed(modules: readonly LoadedModule[], mustFind: boolean) {
    try {
      return findUserFunctions(this.pid, modules, this.options.functions, this.options.demangle);
    } catch (error) {
      if (mustFind || !(error instanceof LeaklineError)) throw error;
      // Found before, then: this is a file that was opened later.
      if (error.code !== "not-found") this.warn(`process ${this.pid}: ${describeError(error)}`);
      return [];
    }
  }

  private attach(library: AllocatorLibrary): void {
    const { object, entry, isSession } = this.program;
    const path = library.module.openedAs ?? library.module.path;
    const plan = withPositions(path, isNeverUnmapped(library), (positionOf) =>
      planProbes(library.functions, this.slot, this.options.classes, positionOf),
    );
    // Frees first: see ProbePlan. Then returns: a pending call must never wait for a return that has no probe.
    this.links.push(object.attachUprobes(RELEASE_PROGRAM, this.pid, path, plan.releases, "entry"));
    if (!isSession) this.links.push(object.attachUprobes(RETURN_PROGRAM, this.pid, path, plan.calls, "return"));
    this.links.push(object.attachUprobes(entry, this.pid, path, plan.calls, isSession ? "session" : "entry"));
  }
}

/** The executable, and the C library. */
function isNeverUnmapped({ module, family }: AllocatorLibrary): boolean {
  return module.isExecutable || family === "glibc" || family === "musl";
}

/** Lets `plan` ask where the probe of a function of this file stands best. */
function withPositions<T>(
  path: string,
  stays: boolean,
  plan: (positionOf: (code: AllocatorFunction) => ProbePosition) => T,
): T {
  const atEntry = { distance: 0, framed: 0 };
  if (arch() !== "x64") return plan(() => atEntry);
  const file = openFile(path);
  try {
    return plan(({ fileOffset, size }) => {
      if (size > MAX_FUNCTION) return atEntry;
      const code = file.read(fileOffset, size);
      const distance = placeProbe(code);
      return { distance, framed: stays && keepsFrame(code) ? size - distance : 0 };
    });
  } finally {
    file.close();
  }
}

/** More bytes than any allocator function has. */
const MAX_FUNCTION = 1 << 16;

function encode(number: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(number).buffer);
}

/** What the kernel gave the program to begin with (getauxval(3)); empty when the process has ended. */
function readAuxiliaryVector(pid: number): string {
  try {
    return readSystemBytes(`/proc/${pid}/auxv`).toString("latin1");
  } catch {
    return "";
  }
}
