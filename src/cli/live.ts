/** A live trace from attach to detach: what `attach` and `record` share, and their options. */

import { type Capture, type CaptureOptions, startCapture } from "../capture/session.ts";
import { releaseUnusedMemory } from "../os/small-memory.ts";
import { isAlive } from "../process/process-info.ts";
import type { RecordingEvent, StackClass } from "../recording/events.ts";
import { MAX_STACKS } from "../recording/format.ts";
import type { Arguments, OptionTable } from "./command.ts";
import { type Controls, startControls } from "./controls.ts";
import { note } from "./output.ts";
import { packageVersion } from "./version.ts";

export const LIVE_OPTIONS: OptionTable = {
  interval: { value: "SECONDS", short: "i", help: "time between readings", default: "5" },
  duration: { value: "SECONDS", short: "d", help: "stop by itself after this time" },
  "no-mmap": { help: "leave out mmap, munmap and mremap; only malloc and its family" },
  "max-blocks": { value: "N", help: "most blocks at a time; further ones are counted as dropped", default: "1048576" },
  "max-stacks": { value: "N", help: "most different stacks; likewise", default: "16384" },
  "frame-pointers": { help: "walk stacks by frame pointers instead of unwind tables" },
  "unwind-dir": { value: "DIR", help: "use the unwind tables in DIR, made by leakline prepare" },
  "single-probes": { help: "attach probes one by one, as on kernels before 6.10" },
  "control-prefix": { value: "PATH", help: "touch PATH_print prints now, touch PATH_quit ends" },
};

export type LiveOptions = {
  /** Milliseconds between readings of the account. */
  interval: number;
  /** Ends by itself after so many milliseconds. */
  duration: number | undefined;
  controlPrefix: string | undefined;
  capture: CaptureOptions;
};

const MAX_SECONDS = 1e7;

/** @throws LeaklineError `usage`. */
export function liveOptionsFrom(given: Arguments): LiveOptions {
  const duration = given.number("duration", 0.1, MAX_SECONDS);
  return {
    interval: (given.number("interval", 0.1, MAX_SECONDS) ?? 5) * 1000,
    duration: duration === undefined ? undefined : duration * 1000,
    controlPrefix: given.text("control-prefix"),
    capture: {
      leakline: packageVersion(),
      classes: new Set<StackClass>(given.flag("no-mmap") ? ["heap"] : ["heap", "mapping"]),
      maxBlocks: given.integer("max-blocks", 1, 1 << 28) ?? 1 << 20,
      maxStacks: given.integer("max-stacks", 1, MAX_STACKS) ?? 1 << 14,
      walk: given.flag("frame-pointers") ? "frame-pointers" : "tables",
      unwindDirectory: given.text("unwind-dir"),
      singleProbes: given.flag("single-probes"),
    },
  };
}

/** Why a trace ended; goes into the recording. */
export type TraceEnd = "stopped" | "time is up" | "the process exited";

export type TraceHandlers = {
  /** Gets every event of the recording. */
  emit(event: RecordingEvent): void;
  /** All probes are in place. */
  attached(capture: Capture): void;
  /** The account was read: at an interval, when asked for, and a last time at the end. */
  reading(last: boolean): void;
};

/**
 * Attaches, follows the rhythm until told to stop or the process exits, and detaches.
 *
 * @throws LeaklineError as `startCapture`, and what the handlers throw; the process is detached then.
 */
export async function traceLive(pid: number, options: LiveOptions, handlers: TraceHandlers): Promise<TraceEnd> {
  const controls = startControls(options.controlPrefix);
  try {
    const capture = await startCapture(pid, options.capture, handlers.emit, note);
    try {
      handlers.attached(capture);
      await releaseUnusedMemory();
      const end = await followRhythm(capture, controls, options, handlers);
      handlers.emit({ kind: "end", time: Date.now(), reason: end });
      return end;
    } finally {
      capture.close();
    }
  } finally {
    controls.close();
  }
}

/** How often we look whether the process still lives, and what it has mapped, milliseconds. */
const LOOK = 250;

async function followRhythm(
  capture: Capture,
  controls: Controls,
  options: LiveOptions,
  handlers: TraceHandlers,
): Promise<TraceEnd> {
  const { pid, startTime } = capture.process;
  const start = performance.now();
  const endTime = start + (options.duration ?? Number.POSITIVE_INFINITY);
  let nextReading = start + options.interval;

  const read = (last: boolean): void => {
    capture.poll();
    handlers.reading(last);
  };
  for (;;) {
    const wait = Math.min(nextReading, endTime, performance.now() + LOOK) - performance.now();
    const control = await controls.next(Math.max(0, wait));
    const now = performance.now();
    const end = whyEnd(control === "quit", isAlive(pid, startTime), now >= endTime);
    if (end) {
      read(true);
      return end;
    }
    if (control !== "print" && now < nextReading) {
      capture.refresh();
      continue;
    }
    // Readings that the machine was too busy for are skipped, not made up for.
    if (now >= nextReading) nextReading = Math.max(nextReading + options.interval, now);
    read(false);
  }
}

function whyEnd(quit: boolean, alive: boolean, timeIsUp: boolean): TraceEnd | undefined {
  if (quit) return "stopped";
  if (!alive) return "the process exited";
  return timeIsUp ? "time is up" : undefined;
}
