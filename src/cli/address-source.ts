/** What addresses are resolved against: a running process, a saved maps file, an ELF file, or only what they name. */

import { hex, toSignedNumber, virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { openFile } from "../os/file-bytes.ts";
import { Recording } from "../recording/recording.ts";
import { baseName } from "../report/names.ts";
import type { Frame } from "../symbolize/frame.ts";
import { resolveInOrder } from "../symbolize/in-order.ts";
import type { Debuginfod } from "../symbolize/local/debuginfod.ts";
import { openLiveProcess } from "../symbolize/local/live-process.ts";
import { localFiles } from "../symbolize/local/local-files.ts";
import { openLocalModule } from "../symbolize/local/local-module.ts";
import type { Module } from "../symbolize/module.ts";
import { recordingOfMaps, SAVED_PROCESS } from "../symbolize/saved-maps.ts";
import { Symbolizer } from "../symbolize/symbolizer.ts";

export type AddressSource = {
  /** The frames of each address, in the order given. */
  resolveAll(addresses: readonly bigint[], isReturnAddress: boolean): Frame[][];
  /** The frames at a virtual address of a file that a log names; none when that file is not meant. */
  resolveInFile(path: string, buildId: string, address: bigint, isReturnAddress: boolean): Frame[];
  /** Looks for files anew. */
  reopen(): void;
  problems(): string[];
};

export type SourceOptions = {
  debugDirectories: readonly string[];
  debuginfod: Debuginfod | undefined;
};

/** @throws LeaklineError as `openLiveProcess`. */
export function processSource(pid: number, { debugDirectories, debuginfod }: SourceOptions): AddressSource {
  const process = openLiveProcess(pid, debugDirectories, debuginfod);
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
    resolveAll: (addresses, isReturn) => symbolizer.resolveAll(pid, 0, addresses, isReturn),
    resolveInFile: (path, buildId, address, isReturn) =>
      path.startsWith("/")
        ? symbolizer.resolveInFile(path, buildId, virtualAddress(toSignedNumber(address)), isReturn)
        : [],
    reopen: () => symbolizer.reopen(),
    problems: () => symbolizer.problems(),
  };
}

/**
 * @param isFileOffset the addresses are offsets into the file, not virtual addresses.
 * @throws LeaklineError when the file cannot be read or is no ELF file.
 */
export function elfSource(path: string, isFileOffset: boolean, options: SourceOptions): AddressSource {
  const open = (): Module => openLocalModule(path, options.debugDirectories, options.debuginfod);
  let module = open();
  return {
    resolveAll: (addresses, isReturn) =>
      resolveInOrder(addresses, (address) => resolveInModule(module, address, isFileOffset, isReturn)),
    resolveInFile: (named, buildId, address, isReturn) =>
      baseName(named) === baseName(path) && (buildId === "" || buildId === module.elf.buildId)
        ? resolveInModule(module, address, false, isReturn)
        : [],
    reopen() {
      module = open();
    },
    problems: () => module.problems,
  };
}

function resolveInModule(module: Module, address: bigint, isFileOffset: boolean, isReturn: boolean): Frame[] {
  const { path: name } = module;
  const place = { address, module: name, ...(module.elf.buildId && { buildId: module.elf.buildId }) };
  const value = toSignedNumber(address);
  const virtual = isFileOffset ? module.virtualAddress(value) : virtualAddress(value);
  if (virtual === undefined)
    return [{ ...place, inlined: false, reason: `file offset 0x${hex(address)} is in no loaded segment` }];
  return module.find(virtual, isReturn).map((frame) => ({ ...place, ...frame }));
}
