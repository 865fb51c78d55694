/**
 * What a recording is made of. Capture writes these events, everything else reads them; `docs/recording-format.md`
 * says how they stand in a file. Nothing in them needs the recorded process to be alive.
 */

/** Milliseconds since 1970-01-01 UTC. */
export type Time = number;

/** First event of a recording. */
export type StartEvent = {
  kind: "start";
  time: Time;
  /** Version of leakline that records. */
  leakline: string;
  /** `x86_64` or `arm64`. */
  architecture: string;
  /** As `uname -r` says. */
  kernel: string;
  /**
   * Allocations were sampled by their bytes, one in every so many on average, and all numbers are estimates. 0: every
   * allocation was counted.
   */
  sampleBytes: number;
};

/** A process that is recorded. Again when it changes its name. */
export type ProcessEvent = {
  kind: "process";
  time: Time;
  pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat: tells a process from a later one with the same number. */
  startTicks: number;
  /** /proc/PID/comm */
  name: string;
  /** Path of its executable, in its own mount namespace. */
  executable: string;
};

/** A process has ended. Stands behind the last stack of it: what it had mapped is forgotten then. */
export type ExitEvent = { kind: "exit"; time: Time; pid: number };

/** A PT_LOAD program header: all that is needed to turn a file offset into a virtual address. */
export type RecordedSegment = {
  /** p_offset and p_filesz, bytes. */
  offset: number;
  fileSize: number;
  /** p_vaddr, signed as all virtual addresses. */
  address: number;
  memorySize: number;
  /** p_flags: 1 execute, 2 write, 4 read. */
  flags: number;
};

/** A file that is mapped executable. `file` is its number in this recording. */
export type FileEvent = {
  kind: "file";
  file: number;
  /** In the process's mount namespace; `[vdso]` for the vDSO. */
  path: string;
  deviceMajor: number;
  deviceMinor: number;
  inode: bigint;
  /** Hexadecimal; empty when the file has none or could not be read. */
  buildId: string;
  segments: RecordedSegment[];
};

/** One executable mapping. */
export type RecordedMapping = {
  start: bigint;
  end: bigint;
  /** File offset of `start`. */
  offset: number;
  /** Number of a FileEvent, or -1: then `label` says what it is. */
  file: number;
  /** For mappings without a file: `[uprobes]`, `[anon]`, …; else empty. */
  label: string;
};

/** All executable mappings of a process from this moment on. */
export type MappingsEvent = {
  kind: "mappings";
  time: Time;
  pid: number;
  /** Sorted by address. */
  mappings: RecordedMapping[];
};

/** What a stack allocates: blocks of malloc and its family, or pages of mmap. */
export type StackClass = "heap" | "mapping";

/** Why a stack has no further frame. */
export type StackEnd = "end" | "bad-frame-pointer" | "unreadable" | "too-deep" | "no-rule" | "bad-frame";

/** A call stack, written once. */
export type StackEvent = {
  kind: "stack";
  /** Its number in this recording, counted from 1. */
  stack: number;
  pid: number;
  class: StackClass;
  end: StackEnd;
  /** Return addresses, innermost first: the first is the allocator's caller. */
  addresses: bigint[];
  /** So many of them, from the first on, rest on unwind information alone. The others may be wrong. */
  verified: number;
};

/** A stack's account. Bytes and blocks. */
export type StackTotals = {
  stack: number;
  /** Allocated and not yet freed. */
  bytes: number;
  blocks: number;
  /** Allocated since the recording began, freed or not. */
  allocatedBytes: number;
  allocatedBlocks: number;
};

/** What could not be accounted, since the recording began. All of it is shown in every report. */
export type Losses = {
  /** Allocations not accounted because a table was full: of blocks, of stacks, of threads. */
  droppedBlocks: number;
  droppedStacks: number;
  droppedThreads: number;
  /** An address was handed out twice, so a free in between was not seen. */
  missedFrees: number;
  /** Frees of blocks that were not in the account: from before the recording, dropped, or the allocator's own. Harmless. */
  unmatchedFrees: number;
  /** Allocator calls that were left without returning (longjmp, exceptions). */
  abandonedCalls: number;
};

/** The account at a moment. Only stacks whose totals changed since the last interval are listed. */
export type IntervalEvent = {
  kind: "interval";
  time: Time;
  totals: StackTotals[];
  losses: Losses;
};

/** Last event of a recording that was ended in order. */
export type EndEvent = { kind: "end"; time: Time; reason: string };

export type RecordingEvent =
  | StartEvent
  | ProcessEvent
  | ExitEvent
  | FileEvent
  | MappingsEvent
  | StackEvent
  | IntervalEvent
  | EndEvent;

export function noLosses(): Losses {
  return {
    droppedBlocks: 0,
    droppedStacks: 0,
    droppedThreads: 0,
    missedFrees: 0,
    unmatchedFrees: 0,
    abandonedCalls: 0,
  };
}
