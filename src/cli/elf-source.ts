/** Addresses resolved against one ELF file. */

import { toSignedNumber, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { ET_REL } from "../elf/constants.ts";
import { baseName } from "../report/names.ts";
import type { Frame, ModuleFrame } from "../symbolize/frame.ts";
import type { FrameChain } from "../symbolize/frame-chain.ts";
import { openLocalModule } from "../symbolize/local/local-module.ts";
import type { Module } from "../symbolize/module.ts";
import type { AddressSource, SourceOptions, TakeChain, TakeFrames } from "./address-source.ts";

/** How addresses of an ELF file are given; as virtual addresses when neither is set. */
export type ElfAddresses = {
  /** As offsets into the file. */
  isFileOffset: boolean;
  /** As offsets into this section. A relocatable file has no virtual addresses: there it is `.text` by default. */
  section: string | undefined;
};

/** @throws LeaklineError when the file cannot be read or is no ELF file, or has no such section. */
export function elfSource(path: string, given: ElfAddresses, options: SourceOptions): AddressSource {
  const open = (): Module =>
    openLocalModule(path, options.debugDirectories, options.debuginfod, options.answers, options.threads);
  let module = open();
  const section = given.section ?? (module.elf.type === ET_REL ? ".text" : undefined);
  const toVirtual = (address: bigint): VirtualAddress | undefined => {
    const value = toSignedNumber(address);
    if (given.isFileOffset) return module.virtualAddress(value);
    return section === undefined ? virtualAddress(value) : module.sectionAddress(section, value);
  };
  const outside = given.isFileOffset ? "file offset in no loaded segment" : `beyond the end of ${section}`;
  const resolveEach: AddressSource["resolveEach"] = (addresses, isReturn, take, takeChain) =>
    resolveInModule(module, addresses, addresses.map(toVirtual), outside, isReturn, take, takeChain, options.inlines);
  return {
    resolveEach,
    resolveAll(addresses, isReturn) {
      const all: Frame[][] = [];
      resolveEach(addresses, isReturn, (frames) => all.push(frames));
      return all;
    },
    resolveInFile(named, buildId, address, isReturn) {
      if (baseName(named) !== baseName(path) || (buildId !== "" && buildId !== module.elf.buildId)) return [];
      const virtual = virtualAddress(toSignedNumber(address));
      let found: Frame[] = [];
      resolveInModule(module, [address], [virtual], outside, isReturn, (frames) => {
        found = frames;
      });
      return found;
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
  take: TakeFrames,
  takeChain?: TakeChain,
  inlines = true,
): void {
  const { buildId } = module.elf;
  const wanted = virtual.filter((address) => address !== undefined);
  let index = 0;
  const takeOutside = (): void => {
    for (; index < addresses.length && virtual[index] === undefined; index++)
      take([{ address: addresses[index], ...place, inlined: false, reason: outside }], index);
  };
  const place = { module: module.path, ...(buildId && { buildId }) };
  takeOutside();
  const takeHere = (frames: ModuleFrame[]): void => {
    const address = addresses[index];
    // A copy: what an answer store keeps has no address.
    take(
      frames.map((frame) => Object.assign({ address }, place, frame)),
      index++,
    );
    takeOutside();
  };
  const takeChainHere = (chain: FrameChain, at: number): boolean => {
    if (!takeChain?.(chain, wanted[at], index)) return false;
    index++;
    takeOutside();
    return true;
  };
  // What has no file's name is said of each address, as in `[vdso]`.
  const isFile = !module.path.startsWith("[");
  module.findEach(wanted, isReturn, takeHere, { inlines, ...(takeChain && isFile && { takeChain: takeChainHere }) });
}
