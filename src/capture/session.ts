/**
 * A capture: the eBPF program attached to one process, its account read as recording events.
 *
 * Nothing is left behind: the probes belong to file descriptors of this process, so they go when it closes them or
 * dies, however it dies.
 */

import { existsSync, readlinkSync } from "node:fs";
import { arch, release } from "node:os";
import { fileURLToPath } from "node:url";
import { LeaklineError } from "../base/errors.ts";
import { type BpfObject, loadLibbpf } from "../bpf/libbpf.ts";
import { openFile } from "../os/file-bytes.ts";
import type { AllocatorFunction, AllocatorLibrary } from "../process/allocators.ts";
import { INITIAL_PID_NAMESPACE } from "../process/constants.ts";
import { findHazards, type TargetFacts } from "../process/hazards.ts";
import { isAlive, type ProcessInfo } from "../process/process-info.ts";
import { readTargetFacts } from "../process/target-facts.ts";
import type { RecordingEvent, StackClass, Time } from "../recording/events.ts";
import { AccountReader } from "./account-reader.ts";
import { MappingTracker } from "./mapping-tracker.ts";
import { placeProbe } from "./probe-placement.ts";
import { planProbes } from "./probes.ts";

export type CaptureOptions = {
  /** Version of leakline, for the recording. */
  leakline: string;
  /** What is accounted. */
  classes: ReadonlySet<StackClass>;
  /** Most blocks outstanding at a time; further ones are dropped and counted. */
  maxBlocks: number;
  /** Most different stacks; allocations from further ones are dropped and counted. */
  maxStacks: number;
  /** Attach probes one by one, as on kernels before 6.10; detaching takes a tenth of a second for each. */
  singleProbes: boolean;
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
  const libbpf = await loadLibbpf(options.singleProbes);
  const object = libbpf.open(objectPath());
  try {
    object.setMaxEntries("blocks", options.maxBlocks);
    object.setMaxEntries("totals", options.maxStacks);
    object.setMaxEntries("frames", options.maxStacks);
    object.load();
    const reader = new AccountReader(process.pid, object);
    const tracker = new MappingTracker(process.pid, emit, warn);
    const now = Date.now();
    emit({ kind: "start", time: now, leakline: options.leakline, architecture: machine(), kernel: release() });
    emit(describeProcess(process, now));
    tracker.update(now);
    attachProbes(object, process.pid, libraries, options.classes);
    return new LiveCapture(process, libraries, object, reader, tracker, emit);
  } catch (error) {
    object.close();
    if (!isAlive(process.pid, process.startTime)) throw exitedDuringAttach(process, error);
    throw error;
  }
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

  constructor(
    process: ProcessInfo,
    libraries: readonly AllocatorLibrary[],
    object: BpfObject,
    reader: AccountReader,
    tracker: MappingTracker,
    emit: (event: RecordingEvent) => void,
  ) {
    this.process = process;
    this.libraries = libraries;
    this.object = object;
    this.reader = reader;
    this.tracker = tracker;
    this.emit = emit;
  }

  poll(): void {
    const { stacks, totals, losses } = this.reader.read();
    const time = Date.now();
    // The mappings come first: a new stack is looked up in them. An exited process keeps those it had.
    const alive = isAlive(this.process.pid, this.process.startTime);
    if (alive) this.updateMappings(time);
    for (const stack of stacks) this.emit(stack);
    this.emit({ kind: "interval", time, totals, losses });
    if (alive) forgetDeadThreads(this.object, this.process.pid);
  }

  close(): void {
    this.object.close();
  }

  private updateMappings(time: Time): void {
    try {
      this.tracker.update(time);
    } catch (error) {
      // It exited just now: the next poll notices.
      if (!(error instanceof LeaklineError && error.code === "target-gone")) throw error;
    }
  }
}

function attachProbes(
  object: BpfObject,
  pid: number,
  libraries: readonly AllocatorLibrary[],
  classes: ReadonlySet<StackClass>,
): void {
  for (const { module, functions } of libraries) {
    const path = module.openedAs ?? module.path;
    const { entries, returns } = withPlacement(path, (distanceOf) => planProbes(functions, classes, distanceOf));
    // Returns first: a pending call must never wait for a return that has no probe.
    object.attachUprobes("function_return", pid, path, returns, true);
    object.attachUprobes("function_enter", pid, path, entries, false);
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

/** As `uname -m` says. */
function machine(): string {
  return arch() === "x64" ? "x86_64" : arch() === "arm64" ? "arm64" : arch();
}

/** @throws LeaklineError `unsupported` when there is no eBPF object for this architecture. */
function objectPath(): string {
  const path = fileURLToPath(new URL(`../../bpf/memleak.${machine()}.bpf.o`, import.meta.url));
  if (existsSync(path)) return path;
  throw new LeaklineError("unsupported", `leakline cannot trace on ${machine()}: it has no eBPF program for it`, {
    hint: "x86_64 and arm64 are supported",
  });
}
