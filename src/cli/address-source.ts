/** What addresses are resolved against: a running process, a saved maps file, the kernel, or only what they name; see also elf-source.ts. */

import { toSignedNumber, virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { openFile } from "../os/file-bytes.ts";
import { Recording } from "../recording/recording.ts";
import type { Frame } from "../symbolize/frame.ts";
import type { FrameChain } from "../symbolize/frame-chain.ts";
import type { Kernel } from "../symbolize/kernel.ts";
import type { Debuginfod } from "../symbolize/local/debuginfod.ts";
import type { IndexStore } from "../symbolize/local/index-store.ts";
import { openLiveProcess } from "../symbolize/local/live-process.ts";
import { localFiles } from "../symbolize/local/local-files.ts";
import { type LocalKernelOptions, openLocalKernel } from "../symbolize/local/local-kernel.ts";
import { recordingOfMaps, SAVED_PROCESS } from "../symbolize/saved-maps.ts";
import { Symbolizer } from "../symbolize/symbolizer.ts";

export type AddressSource = {
  /** The frames of each address, in the order given. */
  resolveAll(addresses: readonly bigint[], isReturnAddress: boolean): Frame[][];
  /** Likewise, handed over one by one where that saves memory; what needs no objects, first to `takeChain`. */
  resolveEach(addresses: readonly bigint[], isReturnAddress: boolean, take: TakeFrames, takeChain?: TakeChain): void;
  /** The frames at a virtual address of a file that a log names; none when that file is not meant. */
  resolveInFile(path: string, buildId: string, address: bigint, isReturnAddress: boolean): Frame[];
  /** Looks for files anew. */
  reopen(): void;
  problems(): string[];
};

export type TakeFrames = (frames: Frame[], index: number) => void;

/** @returns false for what it leaves to `TakeFrames`. */
export type TakeChain = (chain: FrameChain, moduleAddress: number, index: number) => boolean;

export type SourceOptions = {
  debugDirectories: readonly string[];
  debuginfod: Debuginfod | undefined;
  answers: IndexStore | undefined;
  /** False when the caller wants no frames of inlined calls: a source may then leave them out, and save time. */
  inlines?: boolean;
  /** Threads that may work on a large batch of addresses. Default: 1. */
  threads?: number;
};

/** @throws LeaklineError as `openLiveProcess`. */
export function processSource(pid: number, options: SourceOptions): AddressSource {
  const process = openLiveProcess(pid, options.debugDirectories, options.debuginfod, options.answers);
  return symbolizerSource(process.symbolizer, process.pid);
}

const MAX_MAPS_FILE = 64 << 20;

/**
 * @param path a saved /proc/PID/maps.
 * @throws LeaklineError when it cannot be read or is none.
 */
export function mapsSource(path: string, sysroots: readonly string[], options: SourceOptions): AddressSource {
  const file = openFile(path);
  try {
    if (file.size > MAX_MAPS_FILE) throw new LeaklineError("limit", `${path}: longer than ${MAX_MAPS_FILE} bytes`);
    const text = Buffer.from(file.read(0, file.size)).toString("utf8");
    const recording = recordingOfMaps(text, path);
    return symbolizerSource(new Symbolizer(recording, localFiles({ sysroots, ...options })), SAVED_PROCESS);
  } finally {
    file.close();
  }
}

/** For addresses that come with their file. */
export function filesSource(sysroots: readonly string[], options: SourceOptions): AddressSource {
  return symbolizerSource(new Symbolizer(new Recording(), localFiles({ sysroots, ...options })), SAVED_PROCESS);
}

function symbolizerSource(symbolizer: Symbolizer, pid: number): AddressSource {
  return {
    resolveAll: (addresses, isReturn) => symbolizer.resolveAll(pid, addresses, isReturn),
    resolveEach: (addresses, isReturn, take) => symbolizer.resolveAll(pid, addresses, isReturn).forEach(take),
    resolveInFile: (path, buildId, address, isReturn) =>
      path.startsWith("/")
        ? symbolizer.resolveInFile(path, buildId, virtualAddress(toSignedNumber(address)), isReturn)
        : [],
    reopen: () => symbolizer.reopen(),
    problems: () => symbolizer.problems(),
  };
}

/** @throws LeaklineError as `openLocalKernel`. */
export function kernelSource(given: LocalKernelOptions, options: SourceOptions): AddressSource {
  const open = (): Kernel => openLocalKernel({ ...given, ...options });
  let kernel = open();
  return {
    resolveAll: (addresses, isReturn) => kernel.resolveAll(addresses, isReturn),
    resolveEach: (addresses, isReturn, take) => kernel.resolveAll(addresses, isReturn).forEach(take),
    resolveInFile: () => [],
    reopen() {
      kernel = open();
    },
    problems: () => kernel.problems(),
  };
}
