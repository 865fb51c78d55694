/**
 * A capture: the eBPF program attached to some processes, its account read as recording events, and the processes
 * followed through what they map, execute and start.
 */

import { describeError, LeaklineError } from "../base/errors.ts";
import type { AllocatorLibrary } from "../process/allocators.ts";
import { findHazards, type TargetFacts } from "../process/hazards.ts";
import { readMemory } from "../process/memory.ts";
import { foreseenModule, type LoadedModule } from "../process/modules.ts";
import { type ProcessInfo, requireTarget } from "../process/process-info.ts";
import { descendantsOf } from "../process/select.ts";
import { readFileFacts, readTargetFacts } from "../process/target-facts.ts";
import type { RecordingEvent, StackEvent, Time } from "../recording/events.ts";
import { type AccountChange, AccountReader } from "./account-reader.ts";
import { CallSites, type CodeMemory, cutBehindCode } from "./call-site.ts";
import { forgetBlocks } from "./closed-spaces.ts";
import { MappingTracker } from "./mapping-tracker.ts";
import { type LoadedProgram, machine, type ProgramOptions } from "./program.ts";
import { seenMappings } from "./seen-mappings.ts";
import { type ProbeOptions, TracedProcess } from "./traced-process.ts";
import { UnwindMaps } from "./unwind-maps.ts";
import type { UnwindTables } from "./unwind-tables.ts";

export type CaptureOptions = ProgramOptions &
  ProbeOptions & {
    /** Version of leakline, for the recording. */
    leakline: string;
    /** Attach probes one by one, as on kernels before 6.10; detaching takes a tenth of a second for each. */
    singleProbes: boolean;
    /** How stacks are walked: by unwind tables where the kernel can (5.17, x86-64), or always by frame pointers. */
    walk: "tables" | "frame-pointers";
    /** Folder of unwind tables that were prepared elsewhere. */
    unwindDirectory: string | undefined;
    /** Trace what the processes start, too. */
    children: boolean;
  };

/** A process that runs, or one that waits before it executes a program with these files. */
export type CaptureTarget = { pid: number; foreseen?: readonly string[] };

export type CaptureListener = {
  /** Gets the recording's events, the first ones before the capture has started. */
  emit(event: RecordingEvent): void;
  /** Gets what the user should know and could not be done, one line each. */
  warn(message: string): void;
  /** A process is traced from now on. */
  attached(process: ProcessInfo, libraries: readonly AllocatorLibrary[]): void;
};

/** How often we look for new children, milliseconds. */
const LOOK_FOR_CHILDREN = 500;

type Tracked = {
  process: TracedProcess;
  tracker: MappingTracker;
  executable: string;
  /** It has not executed the program yet that it was started for. */
  isWaiting: boolean;
};

export class Capture {
  private readonly listener: CaptureListener;
  private readonly options: CaptureOptions;
  private readonly program: LoadedProgram;
  private readonly tables: UnwindTables;
  private readonly unwind: UnwindMaps | undefined;
  private readonly reader: AccountReader;
  private readonly tracked = new Map<number, Tracked>();
  /** Slots of processes that have ended: their stacks stay in the account, so slots are not used again. */
  private readonly pids: number[] = [];
  private readonly files = new Map<string, number>();
  private readonly refused = new Set<string>();
  private nextChildren = 0;

  constructor(program: LoadedProgram, tables: UnwindTables, options: CaptureOptions, listener: CaptureListener) {
    this.program = program;
    this.tables = tables;
    this.options = options;
    this.listener = listener;
    this.unwind = program.unwindRows > 0 ? new UnwindMaps(program.object, program.unwindRows) : undefined;
    this.reader = new AccountReader(program.object, (space) => this.pids[space & 0xffff] ?? 0);
  }

  /**
   * Attaches to a process, or to one that waits.
   *
   * @throws LeaklineError with the reason why it cannot be traced; nothing of it stays attached then.
   */
  add({ pid, foreseen }: CaptureTarget): void {
    const facts = foreseen ? readFileFacts(pid, foreseen[0]) : readTargetFacts(pid);
    checkHazards(facts, this.listener.warn, foreseen !== undefined);
    const { info } = facts;
    if (this.pids.length >= this.options.maxProcesses) {
      const hint = "raise --max-processes";
      throw new LeaklineError("limit", `${this.pids.length} processes are or were traced: no room for ${pid}`, {
        hint,
      });
    }
    const slot = this.pids.length;
    const process = new TracedProcess(this.program, slot, info, this.options, this.listener.warn);
    this.pids.push(info.pid);
    const tracker = new MappingTracker(info.pid, this.files, {
      emit: this.listener.emit,
      warn: this.listener.warn,
      modulesChanged: (modules) => this.modulesChanged(process, modules),
    });
    try {
      this.listener.emit(describeProcess(info, Date.now()));
      if (foreseen) this.probeForeseen(process, tracker, foreseen);
      else {
        tracker.update(Date.now());
        this.requireAllocator(process);
      }
    } catch (error) {
      process.close();
      if (!process.isAlive()) throw exitedDuringAttach(info, error);
      throw error;
    }
    const isWaiting = foreseen !== undefined;
    this.tracked.set(info.pid, { process, tracker, executable: info.executable ?? "", isWaiting });
    this.listener.attached(info, process.libraries);
  }

  /**
   * Reads the account and emits what changed, an interval event last. The account of a process that has exited stays
   * readable.
   */
  poll(): void {
    for (const tracked of this.tracked.values()) this.followExec(tracked);
    const change = this.reader.read();
    // The mappings come first: a new stack is looked up in them. An exited process keeps those it had.
    this.refresh();
    const time = Date.now();
    this.emitChange(change, time);
    this.forgetEnded(time);
  }

  private emitChange({ stacks, totals, losses }: AccountChange, time: Time): void {
    const sites = new Map<number, CallSites>();
    for (const stack of stacks) this.listener.emit(this.withoutRubbish(stack, sites));
    this.listener.emit({ kind: "interval", time, totals, losses });
  }

  /** Looks what the processes have mapped, executed and started since: call it a few times a second. */
  refresh(): void {
    for (const tracked of this.tracked.values()) this.refreshProcess(tracked);
    // Looking through all processes takes longer than looking at ours.
    if (this.options.children && performance.now() >= this.nextChildren) {
      this.addChildren();
      this.nextChildren = performance.now() + LOOK_FOR_CHILDREN;
    }
  }

  /** Whether all processes have ended. */
  get isOver(): boolean {
    return [...this.tracked.values()].every(({ process }) => !process.isAlive());
  }

  /** Detaches. */
  close(): void {
    this.program.object.close();
  }

  /** The stack up to where the walk is proved wrong. */
  private withoutRubbish(stack: StackEvent, sites: Map<number, CallSites>): StackEvent {
    const { pid } = stack;
    const tracker = this.tracked.get(pid)?.tracker;
    if (!tracker) return stack;
    if (this.unwind) return cutBehindCode(stack, tracker);
    const ofProcess = sites.get(pid) ?? new CallSites(codeMemory(pid, tracker), machine());
    sites.set(pid, ofProcess);
    return ofProcess.cutRubbish(stack, 1);
  }

  private refreshProcess(tracked: Tracked): void {
    const { process, tracker } = tracked;
    if (!process.isAlive()) {
      this.completeMappings(tracked);
      return;
    }
    try {
      this.followExec(tracked);
      tracker.update(Date.now());
    } catch (error) {
      // It exited just now, which is noticed next time.
      if (!(error instanceof LeaklineError && error.code === "target-gone")) throw error;
    }
  }

  /** Has it executed another program? Then what it left in the memory of the old one is gone. */
  private followExec(tracked: Tracked): void {
    const { process, tracker, executable } = tracked;
    const { emit, warn } = this.listener;
    const space = process.currentSpace();
    if (space === process.space) return;
    // The last that is known of the old program, while its mappings still are.
    this.emitChange(this.reader.read(space), Date.now());
    const info = tryDescribe(process.pid) ?? process.info;
    const { bytes, blocks } = this.reader.outstandingIn(process.space);
    this.reader.closeSpace(process.space);
    forgetBlocks(this.program.object, process.space);
    if (!tracked.isWaiting) {
      warn(
        `process ${info.pid} has executed ${info.executable}: ${bytes} bytes in ${blocks} allocations of ${executable} went with its memory`,
      );
    }
    process.space = space;
    process.info = info;
    tracked.isWaiting = false;
    tracked.executable = info.executable ?? "";
    process.takeRenumbered();
    tracker.forget();
    emit(describeProcess(info, Date.now()));
  }

  /** What a process that ended early had mapped, as far as the eBPF program has seen it. */
  private completeMappings({ process, tracker }: Tracked): void {
    if (tracker.hasMappings) return;
    const mappings = seenMappings(this.program.object, process.currentSpace());
    tracker.complete(mappings, Date.now());
  }

  private modulesChanged(process: TracedProcess, modules: readonly LoadedModule[]): void {
    const { pid, slot, space } = process;
    const before = process.libraries.length;
    process.probe(modules, before === 0 && this.tracked.get(pid) === undefined);
    if (this.tracked.has(pid) && process.libraries.length > before) {
      const files = process.libraries.slice(before).map(({ module }) => module.path);
      this.listener.warn(`process ${pid} has opened another allocator, accounted from now on: ${files.join(", ")}`);
    }
    this.unwind?.update({ pid, slot, space }, modules, this.tables, (module) => this.warnFull(module));
  }

  private probeForeseen(process: TracedProcess, tracker: MappingTracker, paths: readonly string[]): void {
    const modules = paths.flatMap((path, i) => {
      try {
        return [foreseenModule(path, i === 0)];
      } catch (error) {
        if (!(error instanceof LeaklineError)) throw error;
        this.listener.warn(`${path}: not probed before it is mapped: ${describeError(error)}`);
        return [];
      }
    });
    process.probe(modules, true);
    for (const module of modules) {
      this.unwind?.place(process.pid, module, this.tables, (full) => this.warnFull(full));
      tracker.foresee(module);
    }
  }

  private warnFull({ path }: LoadedModule): void {
    this.listener.warn(`${path}: no room for its unwind table, stacks end in its code`);
  }

  private requireAllocator({ info, libraries }: TracedProcess): void {
    if (libraries.length > 0) return;
    const hint = "leakline doctor PID shows what it has mapped; --alloc and --free name an allocator of its own";
    const message = `process ${info.pid} (${info.command}) has no allocator that leakline knows`;
    throw new LeaklineError("unsupported", message, { hint });
  }

  private addChildren(): void {
    for (const { process } of [...this.tracked.values()])
      for (const { pid, startTime } of descendantsOf(process.pid)) {
        const key = `${pid} ${startTime}`;
        if (this.tracked.has(pid) || this.refused.has(key)) continue;
        try {
          this.add({ pid });
        } catch (error) {
          if (!(error instanceof LeaklineError)) throw error;
          if (error.code === "target-gone") continue;
          this.refused.add(key);
          this.listener.warn(`child ${pid} is not traced: ${describeError(error)}`);
        }
      }
  }

  /** Ended processes stay in the account, but need no probes. */
  private forgetEnded(time: Time): void {
    if (this.tracked.size === 1) return; // the capture ends with its last process
    for (const [pid, { process }] of this.tracked) {
      if (process.isAlive()) continue;
      forgetBlocks(this.program.object, process.space);
      process.close();
      this.tracked.delete(pid);
      this.listener.emit({ kind: "exit", time, pid });
    }
  }
}

/** @throws LeaklineError `refused` when probes would hurt the process, `unsupported` when there is nothing to probe. */
function checkHazards(facts: TargetFacts, warn: (message: string) => void, isWaiting: boolean): void {
  const name = isWaiting
    ? (facts.info.executable ?? "the command")
    : `process ${facts.info.pid} (${facts.info.command})`;
  for (const { refuse, found, mend } of findHazards(facts)) {
    if (refuse) throw new LeaklineError("refused", `${name} is not traced: ${found}`, { hint: mend });
    warn(`${name}: ${found} (${mend})`);
  }
}

/** Undefined when it has ended meanwhile. */
function tryDescribe(pid: number): ProcessInfo | undefined {
  try {
    return requireTarget(pid);
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    return undefined;
  }
}

function codeMemory(pid: number, tracker: MappingTracker): CodeMemory {
  return {
    isCode: (address) => tracker.isCode(address),
    read(address, length) {
      try {
        return readMemory(pid, address, length);
      } catch (error) {
        if (!(error instanceof LeaklineError)) throw error;
        return undefined;
      }
    },
  };
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
