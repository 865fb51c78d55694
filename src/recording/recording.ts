/**
 * A recording in memory: what the events so far amount to. The same for a file that is read and for a process that is
 * being traced now.
 *
 * A process that maps and unmaps code all day, as a just-in-time compiler does, must not fill our memory. So of its past
 * mappings only those are kept that a stack leads through, with that stack; and what comes first is decided by the order
 * of the events, not by their times, for a clock can be set back and a millisecond can hold an exec.
 */

import { findRange } from "../base/ranges.ts";
import type {
  FileEvent,
  Losses,
  MappingsEvent,
  ProcessEvent,
  RecordedMapping,
  RecordingEvent,
  StackEvent,
  StackTotals,
  StartEvent,
  Time,
} from "./events.ts";
import { noLosses } from "./events.ts";

/** What held when a stack was recorded. */
type Origin = {
  readonly process: ProcessEvent | undefined;
  /** Those that the stack leads through; undefined when none were known yet. */
  readonly mappings: readonly RecordedMapping[] | undefined;
};

export class Recording {
  start: StartEvent | undefined;
  /** By PID, as last described. Those that have ended without leaving a stack are forgotten. */
  readonly processes = new Map<number, ProcessEvent>();
  readonly files = new Map<number, FileEvent>();
  /** By PID, as of the last event: what a living process has mapped now. */
  readonly mappings = new Map<number, MappingsEvent>();
  readonly stacks = new Map<number, StackEvent>();
  /** By stack, as of the last interval. */
  readonly totals = new Map<number, StackTotals>();
  losses: Losses = noLosses();
  /** Of the last interval; undefined before the first. */
  time: Time | undefined;
  /** Why the recording ended; undefined when it goes on, or was cut off. */
  endReason: string | undefined;
  /** By stack. */
  private readonly origins = new Map<number, Origin>();
  /** Start times of the processes that have ended, by PID. */
  private readonly ended = new Map<number, number>();
  /** Start times of the processes that have left a stack, by PID: the last of each number. */
  private readonly withStacks = new Map<number, number | undefined>();

  apply(event: RecordingEvent): void {
    switch (event.kind) {
      case "start":
        this.start = event;
        break;
      case "process":
        this.processes.set(event.pid, event);
        break;
      case "exit":
        this.forget(event.pid);
        break;
      case "file":
        this.files.set(event.file, event);
        break;
      case "mappings":
        this.mappings.set(event.pid, event);
        break;
      case "stack":
        this.addStack(event);
        break;
      case "interval":
        for (const totals of event.totals) this.totals.set(totals.stack, totals);
        this.losses = event.losses;
        this.time = event.time;
        break;
      case "end":
        this.endReason = event.reason;
    }
  }

  /**
   * Where a stack's addresses are looked up, by ascending start: the mappings that its process had when it was recorded,
   * as far as the stack leads through them; the later ones when none were known then.
   */
  mappingsOf({ stack, pid }: StackEvent): readonly RecordedMapping[] {
    return this.origins.get(stack)?.mappings ?? this.mappings.get(pid)?.mappings ?? [];
  }

  /** The process of a stack, as last described: not a later one of the same number. */
  processOf({ stack, pid }: StackEvent): ProcessEvent | undefined {
    const then = this.origins.get(stack)?.process;
    const now = this.processes.get(pid);
    return then === undefined || then.startTicks === now?.startTicks ? now : then;
  }

  /** Has it ended, as far as the recording tells? */
  hasEnded({ pid, startTicks }: ProcessEvent): boolean {
    return this.ended.get(pid) === startTicks || this.processes.get(pid)?.startTicks !== startTicks;
  }

  private addStack(event: StackEvent): void {
    const { pid, addresses } = event;
    const process = this.processes.get(pid);
    const mappings = this.mappings.get(pid)?.mappings;
    this.stacks.set(event.stack, event);
    this.origins.set(event.stack, { process, mappings: mappings && leadThrough(mappings, addresses) });
    this.withStacks.set(pid, process?.startTicks);
  }

  private forget(pid: number): void {
    const process = this.processes.get(pid);
    this.mappings.delete(pid);
    if (process && this.withStacks.get(pid) === process.startTicks) this.ended.set(pid, process.startTicks);
    else this.processes.delete(pid);
  }
}

/** The mappings that hold the addresses, or the bytes before them: a call may be the last instruction of its mapping. */
function leadThrough(mappings: readonly RecordedMapping[], addresses: readonly bigint[]): RecordedMapping[] {
  const used = new Set<RecordedMapping>();
  for (const address of addresses) {
    for (const at of [address, address - 1n]) {
      const mapping = findRange(mappings, at);
      if (mapping) used.add(mapping);
    }
  }
  return [...used].sort((a, b) => (a.start < b.start ? -1 : 1));
}
