/** What addresses are resolved against: a running process, a saved maps file, an ELF file, the kernel, or only what they name. */

import { toSignedNumber, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { ET_REL } from "../elf/constants.ts";
import { openFile } from "../os/file-bytes.ts";
import { Recording } from "../recording/recording.ts";
import { baseName } from "../report/names.ts";
import type { Frame } from "../symbolize/frame.ts";
import type { Kernel } from "../symbolize/kernel.ts";
import type { Debuginfod } from "../symbolize/local/debuginfod.ts";
import type { IndexStore } from "../symbolize/local/index-store.ts";
import { openLiveProcess } from "../symbolize/local/live-process.ts";
import { localFiles } from "../symbolize/local/local-files.ts";
import { type LocalKernelOptions, openLocalKernel } from "../symbolize/local/local-kernel.ts";
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
  answers: IndexStore | undefined;
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
    resolveAll: (addresses, isReturn) => symbolizer.resolveAll(pid, 0, addresses, isReturn),
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
    resolveInFile: () => [],
    reopen() {
      kernel = open();
    },
    problems: () => kernel.problems(),
  };
}

/** How addresses of an ELF file are given; as virtual addresses when neither is set. */
export type ElfAddresses = {
  /** As offsets into the file. */
  isFileOffset: boolean;
  /** As offsets into this section. A relocatable file has no virtual addresses: there it is `.text` by default. */
  section: string | undefined;
};

/** @throws LeaklineError when the file cannot be read or is no ELF file, or has no such section. */
export function elfSource(path: string, given: ElfAddresses, options: SourceOptions): AddressSource {
  const open = (): Module => openLocalModule(path, options.debugDirectories, options.debuginfod, options.answers);
  let module = open();
  const section = given.section ?? (module.elf.type === ET_REL ? ".text" : undefined);
  const toVirtual = (address: bigint): VirtualAddress | undefined => {
    const value = toSignedNumber(address);
    if (given.isFileOffset) return module.virtualAddress(value);
    return section === undefined ? virtualAddress(value) : module.sectionAddress(section, value);
  };
  const outside = given.isFileOffset ? "file offset in no loaded segment" : `beyond the end of ${section}`;
  return {
    resolveAll: (addresses, isReturn) =>
      resolveInModule(module, addresses, addresses.map(toVirtual), outside, isReturn),
    resolveInFile(named, buildId, address, isReturn) {
      if (baseName(named) !== baseName(path) || (buildId !== "" && buildId !== module.elf.buildId)) return [];
      const virtual = virtualAddress(toSignedNumber(address));
      return resolveInModule(module, [address], [virtual], outside, isReturn)[0];
    },
    reopen() {
      module.close();
      module = open();
    },
    problems: () => module.problems,
  };
}

/** @param virtual of each address; undefined where it has none, for the reason `outside`. */
function resolveInModule(
  module: Module,
  addresses: readonly bigint[],
  virtual: readonly (VirtualAddress | undefined)[],
  outside: string,
  isReturn: boolean,
): Frame[][] {
  const { buildId } = module.elf;
  const found = module.findAll(
    virtual.filter((address) => address !== undefined),
    isReturn,
  );
  let next = 0;
  return addresses.map((address, index) => {
    const place = { address, module: module.path, ...(buildId && { buildId }) };
    if (virtual[index] === undefined) return [{ ...place, inlined: false, reason: outside }];
    return found[next++].map((frame) => ({ ...place, ...frame }));
  });
}
