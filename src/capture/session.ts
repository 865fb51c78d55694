/**
 * A capture: the eBPF program attached to one process, its account read as recording events.
 *
 * Nothing is left behind: the probes belong to file descriptors of this process, so they go when it closes them or
 * dies, however it dies.
 */

import { existsSync, readlinkSync } from "node:fs";
import { arch, release } from "node:os";
import { LeaklineError } from "../base/errors.ts";
import { type BpfObject, loadLibbpf } from "../bpf/libbpf.ts";
import { openFile } from "../os/file-bytes.ts";
import type { AllocatorFunction, AllocatorLibrary } from "../process/allocators.ts";
import { INITIAL_PID_NAMESPACE } from "../process/constants.ts";
import { findHazards, type TargetFacts } from "../process/hazards.ts";
import { executableMappings, type LoadedModule } from "../process/modules.ts";
import { isAlive, type ProcessInfo, requireTarget } from "../process/process-info.ts";
import { readTargetFacts } from "../process/target-facts.ts";
import type { RecordingEvent, StackClass, StackEvent, Time } from "../recording/events.ts";
import { AccountReader } from "./account-reader.ts";
import { type MappingListener, MappingTracker } from "./mapping-tracker.ts";
import { placeProbe } from "./probe-placement.ts";
import { planProbes } from "./probes.ts";
import { canWalkByTables, type LoadedProgram, loadProgram, machine, type ProgramOptions } from "./program.ts";
import { UnwindMaps } from "./unwind-maps.ts";
import { UnwindTables } from "./unwind-tables.ts";

export type CaptureOptions = ProgramOptions & {
  /** Version of leakline, for the recording. */
  leakline: string;
  /** What is accounted. */
  classes: ReadonlySet<StackClass>;
  /** Attach probes one by one, as on kernels before 6.10; detaching takes a tenth of a second for each. */
  singleProbes: boolean;
  /** How stacks are walked: by unwind tables where the kernel can (5.17, x86-64), or always by frame pointers. */
  walk: "tables" | "frame-pointers";
  /** Folder of unwind tables that were prepared elsewhere (`leakline prepare`). */
  unwindDirectory: string | undefined;
};

export type Capture = {
  readonly process: ProcessInfo;
  /** What was probed, for people. */
  readonly libraries: readonly AllocatorLibrary[];
  /**
   * Reads the account and emits what changed, an interval event last. The account of a process that has exited stays
   * readable.
   */
  poll(): void;
  /** Looks for files that were mapped since: until then, stacks end in their code. Call it a few times a second. */
  refresh(): void;
  /** Detaches. */
  close(): void;
};

/**
 * Attaches to a process.
 *
 * @param emit gets the recording's events, the first ones before this returns.
 * @param warn gets what the user should know and could not be done, one line each.
 * @throws LeaklineError with the reason why this process cannot be traced: `not-found`, `target-gone`, `permission`,
 *   `refused`, `unsupported`. Nothing stays attached then.
 */
export async function startCapture(
  pid: number,
  options: CaptureOptions,
  emit: (event: RecordingEvent) => void,
  warn: (message: string) => void,
): Promise<Capture> {
  const facts = readTargetFacts(pid);
  checkHazards(facts, warn);
  const { info: process, allocators: libraries } = facts;
  const tables =
    options.walk === "tables" && canWalkByTables()
      ? new UnwindTables({ pid: process.pid, warn, directory: options.unwindDirectory })
      : undefined;
  const rows = tables ? tables.countRows(executableMappings(process.pid)) + SPARE_UNWIND_ROWS : 0;
  const program = loadProgram(await loadLibbpf(options.singleProbes), options, rows, warn);
  const { object } = program;
  try {
    const reader = new AccountReader(process.pid, object);
    const listener: MappingListener = { emit, warn };
    if (tables && program.unwindRows > 0) listener.modulesChanged = useTables(program, tables, warn);
    const tracker = new MappingTracker(process.pid, listener);
    const now = Date.now();
    emit({ kind: "start", time: now, leakline: options.leakline, architecture: machine(), kernel: release() });
    emit(describeProcess(process, now));
    tracker.update(now);
    attachProbes(program, process.pid, libraries, options.classes);
    return new LiveCapture(process, libraries, object, reader, tracker, emit, warn);
  } catch (error) {
    object.close();
    if (!isAlive(process.pid, process.startTime)) throw exitedDuringAttach(process, error);
    throw error;
  }
}

/** Room for libraries that are opened later, 8 bytes a row: twenty times libc's. */
const SPARE_UNWIND_ROWS = 1 << 19;

function useTables(
  { object, unwindRows }: LoadedProgram,
  tables: UnwindTables,
  warn: (message: string) => void,
): (modules: readonly LoadedModule[]) => void {
  const maps = new UnwindMaps(object, unwindRows);
  const full = ({ path }: LoadedModule): void => warn(`${path}: no room for its unwind table, stacks end in its code`);
  return (modules) => maps.update(modules, tables, full);
}

/** @throws LeaklineError `refused` when probes would hurt the process, `unsupported` when there is nothing to probe. */
function checkHazards(facts: TargetFacts, warn: (message: string) => void): void {
  const name = `process ${facts.info.pid} (${facts.info.command})`;
  for (const { refuse, found, mend } of findHazards(facts)) {
    if (refuse) throw new LeaklineError("refused", `${name} is not traced: ${found}`, { hint: mend });
    warn(`${name}: ${found} (${mend})`);
  }
  if (facts.allocators.length === 0) {
    const hint = "leakline doctor PID shows what it has mapped";
    throw new LeaklineError("unsupported", `${name} has no allocator that leakline knows`, { hint });
  }
}

class LiveCapture implements Capture {
  readonly process: ProcessInfo;
  readonly libraries: readonly AllocatorLibrary[];
  private readonly object: BpfObject;
  private readonly reader: AccountReader;
  private readonly tracker: MappingTracker;
  private readonly emit: (event: RecordingEvent) => void;
  private readonly warn: (message: string) => void;

  constructor(
    process: ProcessInfo,
    libraries: readonly AllocatorLibrary[],
    object: BpfObject,
    reader: AccountReader,
    tracker: MappingTracker,
    emit: (event: RecordingEvent) => void,
    warn: (message: string) => void,
  ) {
    this.process = process;
    this.libraries = libraries;
    this.object = object;
    this.reader = reader;
    this.tracker = tracker;
    this.emit = emit;
    this.warn = warn;
  }

  poll(): void {
    const { stacks, totals, losses } = this.reader.read();
    const time = Date.now();
    // The mappings come first: a new stack is looked up in them. An exited process keeps those it had.
    const alive = isAlive(this.process.pid, this.process.startTime);
    if (alive) this.updateMappings(time);
    for (const stack of stacks) this.emit(withoutRubbish(stack, this.tracker));
    this.emit({ kind: "interval", time, totals, losses });
    if (alive) forgetDeadThreads(this.object, this.process.pid);
  }

  refresh(): void {
    if (isAlive(this.process.pid, this.process.startTime)) this.updateMappings(Date.now());
  }

  close(): void {
    this.object.close();
  }

  private updateMappings(time: Time): void {
    try {
      if (!this.tracker.update(time)) return;
      const info = requireTarget(this.process.pid);
      this.emit(describeProcess(info, time));
      this.warn(
        `process ${info.pid} has executed ${info.executable}: what it left before is still listed, but is gone`,
      );
    } catch (error) {
      // It exited just now: the next poll notices.
      if (!(error instanceof LeaklineError && error.code === "target-gone")) throw error;
    }
  }
}

function attachProbes(
  { object, entry }: LoadedProgram,
  pid: number,
  libraries: readonly AllocatorLibrary[],
  classes: ReadonlySet<StackClass>,
): void {
  for (const { module, functions } of libraries) {
    const path = module.openedAs ?? module.path;
    const { entries, returns } = withPlacement(path, (distanceOf) => planProbes(functions, classes, distanceOf));
    // Returns first: a pending call must never wait for a return that has no probe.
    object.attachUprobes("function_return", pid, path, returns, true);
    object.attachUprobes(entry, pid, path, entries, false);
  }
}

/** Lets `plan` ask where the probe of a function of this file is cheapest. */
function withPlacement<T>(path: string, plan: (distanceOf: (code: AllocatorFunction) => number) => T): T {
  if (arch() !== "x64") return plan(() => 0);
  const file = openFile(path);
  try {
    return plan(({ fileOffset, size }) => (size > MAX_FUNCTION ? 0 : placeProbe(file.read(fileOffset, size))));
  } finally {
    file.close();
  }
}

/** More bytes than any allocator function has. */
const MAX_FUNCTION = 1 << 16;

/**
 * The stack up to the first address that is no code: from there on, whatever led to it, the walk was wrong. The first
 * address is the processor's own, and stays.
 */
function withoutRubbish(stack: StackEvent, tracker: MappingTracker): StackEvent {
  const wrong = stack.addresses.findIndex((address, i) => i > 0 && !tracker.isCode(address - 1n));
  return wrong < 0 ? stack : { ...stack, end: "bad-frame", addresses: stack.addresses.slice(0, wrong) };
}

/** A thread that ended in an allocator, or simply ended, leaves its state in map `threads`. */
function forgetDeadThreads(object: BpfObject, pid: number): void {
  if (!inInitialPidNamespace()) return; // the program sees other thread ids than we do
  const threads = object.map("threads");
  const dead: number[] = [];
  threads.forEachBatch((keys, _values, count) => {
    for (let i = 0; i < count; i++) {
      const tid = keys.getUint32(i * 4, true);
      if (!existsSync(`/proc/${pid}/task/${tid}`)) dead.push(tid);
    }
  });
  for (const tid of dead) threads.remove(new Uint8Array(new Uint32Array([tid]).buffer));
}

function inInitialPidNamespace(): boolean {
  return readlinkSync("/proc/self/ns/pid") === INITIAL_PID_NAMESPACE;
}

function describeProcess(process: ProcessInfo, time: Time): RecordingEvent {
  return {
    kind: "process",
    time,
    pid: process.pid,
    startTicks: process.startTime,
    name: process.command,
    executable: process.executable ?? "",
  };
}

function exitedDuringAttach(process: ProcessInfo, cause: unknown): LeaklineError {
  return new LeaklineError("target-gone", `process ${process.pid} (${process.command}) exited during the attach`, {
    cause,
    hint: "start it again and attach sooner",
  });
}
