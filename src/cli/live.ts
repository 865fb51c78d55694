/** A live trace from attach to detach: what `attach`, `run` and `record` share, and their options. */

import type { Capture, CaptureListener, CaptureOptions, CaptureTarget } from "../capture/capture.ts";
import { startCapture } from "../capture/session.ts";
import { releaseUnusedMemory } from "../os/small-memory.ts";
import type { AllocatorLibrary } from "../process/allocators.ts";
import type { ProcessInfo } from "../process/process-info.ts";
import type { UserFunction } from "../process/user-allocator.ts";
import type { Demangle } from "../process/user-functions.ts";
import type { RecordingEvent, StackClass } from "../recording/events.ts";
import { MAX_STACKS } from "../recording/format.ts";
import { ALLOCATOR_OPTIONS, userFunctionsFrom } from "./allocator-options.ts";
import type { Arguments, OptionTable } from "./command.ts";
import { type Controls, startControls } from "./controls.ts";
import { note } from "./output.ts";
import { packageVersion } from "./version.ts";

export const LIVE_OPTIONS: OptionTable = {
  interval: { value: "SECONDS", short: "i", help: "time between readings", default: "5" },
  duration: { value: "SECONDS", short: "d", help: "stop by itself after this time" },
  children: { help: "trace what the processes start, too" },
  "sample-bytes": {
    value: "N",
    help: "sample: one in every N allocated bytes on average; costs less, gives estimates",
  },
  "no-mmap": { help: "leave out mmap, munmap and mremap; only malloc and its family" },
  ...ALLOCATOR_OPTIONS,
  "max-blocks": { value: "N", help: "most blocks at a time; further ones are counted as dropped", default: "1048576" },
  "max-stacks": { value: "N", help: "most different stacks; likewise", default: "16384" },
  "max-threads": { value: "N", help: "most threads at a time; likewise", default: "16384" },
  "max-processes": { value: "N", help: "most processes with --children, ended ones included", default: "256" },
  "frame-pointers": { help: "walk stacks by frame pointers instead of unwind tables" },
  "unwind-dir": { value: "DIR", help: "unwind tables made by leakline prepare" },
  "single-probes": { help: "attach probes one by one, as on kernels before 6.10" },
  "control-prefix": { value: "PATH", help: "touch PATH_print prints now, touch PATH_quit ends" },
};

export type LiveOptions = {
  /** Milliseconds between readings of the account. */
  interval: number;
  /** Ends by itself after so many milliseconds. */
  duration: number | undefined;
  controlPrefix: string | undefined;
  capture: Omit<CaptureOptions, "demangle">;
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
      functions: userFunctionsFrom(given),
      sampleBytes: given.integer("sample-bytes", 1, 1 << 30) ?? 0,
      maxBlocks: given.integer("max-blocks", 1, 1 << 28) ?? 1 << 20,
      maxStacks: given.integer("max-stacks", 1, MAX_STACKS) ?? 1 << 14,
      maxThreads: given.integer("max-threads", 1, 1 << 22) ?? 1 << 14,
      maxProcesses: given.integer("max-processes", 1, 1 << 12) ?? 256,
      walk: given.flag("frame-pointers") ? "frame-pointers" : "tables",
      unwindDirectory: given.text("unwind-dir"),
      singleProbes: given.flag("single-probes"),
      children: given.flag("children"),
    },
  };
}

/** Why a trace ended; goes into the recording. */
export type TraceEnd = "stopped" | "time is up" | "the process exited" | "all processes exited";

export type TraceHandlers = {
  /** Gets every event of the recording. */
  emit(event: RecordingEvent): void;
  /** A process is traced from now on. */
  attached(process: ProcessInfo, libraries: readonly AllocatorLibrary[]): void;
  /** All probes are in place. */
  started?(): void;
  /** The account was read: at an interval, when asked for, and a last time at the end. */
  reading(last: boolean): void;
  /** There for a command that we started. Ctrl-C: true when it is not for us to end, because the command got it too. */
  interrupted?(): boolean;
};

/**
 * Attaches, follows the rhythm until told to stop or all processes exit, and detaches.
 *
 * @throws LeaklineError as `startCapture`, and what the handlers throw; the processes are detached then.
 */
export async function traceLive(
  targets: readonly CaptureTarget[],
  options: LiveOptions,
  handlers: TraceHandlers,
): Promise<TraceEnd> {
  // A command that we started reads the terminal, not we.
  const controls = startControls(options.controlPrefix, handlers.interrupted === undefined);
  const listener: CaptureListener = { emit: handlers.emit, warn: note, attached: handlers.attached };
  // Without --children, as many as there are: each has room of its own in the kernel.
  const maxProcesses = options.capture.children ? options.capture.maxProcesses : targets.length;
  try {
    const demangle = await demangleFor(options.capture.functions);
    const capture = await startCapture(targets, { ...options.capture, maxProcesses, demangle }, listener);
    try {
      handlers.started?.();
      // A command that was just started has to be looked after first.
      if (!handlers.interrupted) await releaseUnusedMemory();
      const end = await followRhythm(capture, controls, options, handlers);
      handlers.emit({ kind: "end", time: Date.now(), reason: end });
      return targets.length === 1 || end !== "the process exited" ? end : "all processes exited";
    } finally {
      capture.close();
    }
  } finally {
    controls.close();
  }
}

/** Loaded when it is wanted: `record` is small. */
async function demangleFor(functions: readonly UserFunction[]): Promise<Demangle> {
  return functions.length === 0 ? (symbol) => symbol : (await import("../demangle/index.ts")).demangle;
}

/** How often we look whether the processes still live, and what they have mapped, milliseconds. */
const LOOK = 250;
/** At first more often: a command that was just started maps and executes. */
const FIRST_LOOK = 10;
const FIRST_LOOKS = 50;

async function followRhythm(
  capture: Capture,
  controls: Controls,
  options: LiveOptions,
  handlers: TraceHandlers,
): Promise<TraceEnd> {
  const start = performance.now();
  const endTime = start + (options.duration ?? Number.POSITIVE_INFINITY);
  let nextReading = start + options.interval;

  const read = (last: boolean): void => {
    capture.poll();
    handlers.reading(last);
  };
  for (let looks = 0; ; looks++) {
    const look = looks < FIRST_LOOKS && handlers.interrupted ? FIRST_LOOK : LOOK;
    const wait = Math.min(nextReading, endTime, performance.now() + look) - performance.now();
    const control = await controls.next(Math.max(0, wait));
    const now = performance.now();
    const quit = control === "quit" || (control === "interrupt" && !handlers.interrupted?.());
    const end = whyEnd(quit, !capture.isOver, now >= endTime);
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
