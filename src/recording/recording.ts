/**
 * A recording in memory: what the events so far amount to. The same for a file that is read and for a process that is
 * being traced now.
 */

import type {
  FileEvent,
  Losses,
  MappingsEvent,
  ProcessEvent,
  RecordingEvent,
  StackEvent,
  StackTotals,
  StartEvent,
  Time,
} from "./events.ts";
import { noLosses } from "./events.ts";

export class Recording {
  start: StartEvent | undefined;
  readonly processes = new Map<number, ProcessEvent>();
  readonly files = new Map<number, FileEvent>();
  /** By process, oldest first. */
  readonly mappings = new Map<number, MappingsEvent[]>();
  readonly stacks = new Map<number, StackEvent>();
  /** When a stack was first seen: its addresses are looked up in the mappings of that time. */
  readonly stackTimes = new Map<number, Time>();
  /** By stack, as of the last interval. */
  readonly totals = new Map<number, StackTotals>();
  losses: Losses = noLosses();
  /** Of the last interval; undefined before the first. */
  time: Time | undefined;
  /** Why the recording ended; undefined when it goes on, or was cut off. */
  endReason: string | undefined;
  private latest: Time = 0;

  apply(event: RecordingEvent): void {
    switch (event.kind) {
      case "start":
        this.start = event;
        this.latest = event.time;
        break;
      case "process":
        this.processes.set(event.pid, event);
        break;
      case "file":
        this.files.set(event.file, event);
        break;
      case "mappings": {
        const history = this.mappings.get(event.pid);
        if (history) history.push(event);
        else this.mappings.set(event.pid, [event]);
        this.latest = event.time;
        break;
      }
      case "stack":
        this.stacks.set(event.stack, event);
        this.stackTimes.set(event.stack, this.latest);
        break;
      case "interval":
        for (const totals of event.totals) this.totals.set(totals.stack, totals);
        this.losses = event.losses;
        this.time = event.time;
        this.latest = event.time;
        break;
      case "end":
        this.endReason = event.reason;
    }
  }

  /** The executable mappings of a process at a time: the last ones known then, or the first that are known at all. */
  mappingsAt(pid: number, time: Time): MappingsEvent | undefined {
    const history = this.mappings.get(pid);
    return history?.findLast((event) => event.time <= time) ?? history?.[0];
  }
}
