/**
 * How the symbolizer gets at files. It knows which file it wants; a provider knows where that may lie: on this
 * machine, under a sysroot, in a process's own mount namespace, in an upload.
 */

import type { ByteSource, Decompress } from "../base/bytes.ts";
import type { BatchHelper } from "../dwarf/index.ts";
import type { RecordedSegment } from "../recording/events.ts";
import type { ModuleFrame } from "./frame.ts";
import type { FoundChain, FrameChain } from "./frame-chain.ts";
import type { PerfMap } from "./perf-map.ts";

/** A file that is wanted. */
export type WantedFile = {
  /** Absolute path, as the recorded process saw it; or `[vdso]`. */
  path: string;
  /** One of the mappings of it: on Linux a living process's mapping leads to its file even when that was deleted. */
  mapping?: { start: bigint; end: bigint } | undefined;
  /** Its loaded segments, when they are known: what a file without a build ID is recognised by. */
  segments?: readonly RecordedSegment[] | undefined;
  /** Where there is no build ID to go by: what maps shows. Means something only on the machine it comes from. */
  inode?: { deviceMajor: number; deviceMinor: number; inode: bigint } | undefined;
};

/** What a build ID can be asked for: a program or library, or its separate debug information. */
export type BuildIdKind = "executable" | "debuginfo";

/** Answers of earlier runs, of one set of files. */
export type KeptAnswers = {
  /** Looks addresses up together; their frames come one at a time. */
  look(addresses: readonly number[], isReturnAddress: boolean): KeptBatch;
  keep(address: number, isReturnAddress: boolean, frames: readonly ModuleFrame[]): void;
  /** Likewise, as it was found in a batch. @param wanted as it was looked up: of a return address, one less. */
  keepChain(wanted: number, chain: FoundChain): void;
  /**
   * Keeps the answer of every address there is, in place of what was kept.
   *
   * @throws LeaklineError when it cannot be written.
   */
  keepWhole(ranges: Iterable<KeptRange>): void;
};

/** What is known of a batch of addresses, by index. */
export type KeptBatch = {
  has(index: number): boolean;
  /** Undefined where nothing is kept, and when what was kept turns out to be damaged. */
  frames(index: number): ModuleFrame[] | undefined;
  /**
   * As `frames`, for output that needs no objects.
   *
   * @param take is given them, if they are kept; valid until it returns.
   * @returns what it returned; false when there are none, or they turn out to be damaged.
   */
  pass(index: number, take: (chain: FrameChain) => boolean): boolean;
};

/** The frames of `begin`, and of every address up to before `end` but for the offset. */
export type KeptRange = { readonly begin: number; readonly end: number } & (
  | { readonly chain: FoundChain; readonly frames?: undefined }
  | { readonly chain?: undefined; readonly frames: readonly ModuleFrame[] }
);

export type FileProvider = {
  /** @param identity of all files that an answer may come from: other files, another identity. */
  keptAnswers?(identity: string): KeptAnswers | undefined;
  /**
   * Ways to open the file, most likely first. Each gives undefined when there is no such file, and throws a
   * LeaklineError when there is one that cannot be read.
   */
  candidates(wanted: WantedFile): (() => ByteSource | undefined)[];
  /** Directories that hold separate debug files, e.g. `/usr/lib/debug`; looked up through `candidates` too. */
  readonly debugDirectories: readonly string[];
  readonly decompress: Decompress;
  /**
   * The file with a build ID, wherever it lay, from a store that goes by build ID; asked last. A store that has to fetch
   * it first gives undefined, and notes the question: once the file is there, `Symbolizer.reopen` finds it.
   */
  byBuildId?(buildId: string, kind: BuildIdKind): ByteSource | undefined;
  /** Who helps with large batches of addresses of a file: other threads. Undefined when they could not read it. */
  batchHelper?(source: ByteSource): BatchHelper | undefined;
  /**
   * The names of the code that the process generated; only of a provider that is a process's.
   *
   * @throws LeaklineError when there are none, with the reason.
   */
  perfMap?(): PerfMap;
  /** The files as one of the recorded processes sees them: in its own mount namespace, also when deleted. */
  ofProcess?(process: LivingProcess): FileProvider;
};

/** A process that may live now on this machine. PID and start time (clock ticks since boot) together name it. */
export type LivingProcess = { readonly pid: number; readonly startTime: number };
