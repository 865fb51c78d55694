/** `leakline symbolize process|elf`: addresses to function, file and line. */

import { toSignedNumber, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { ET_REL } from "../elf/constants.ts";
import { toJson } from "../report/json.ts";
import { type ResolvedAddress, renderSymbols } from "../report/symbols.ts";
import type { Frame } from "../symbolize/frame.ts";
import { openLiveProcess } from "../symbolize/local/live-process.ts";
import { openLocalModule } from "../symbolize/local/local-module.ts";
import type { Module } from "../symbolize/module.ts";
import { parseAddresses } from "./addresses.ts";
import { type Arguments, type Command, type OptionTable, parsePid, usageError } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { note, print } from "./output.ts";

/** Options of every `symbolize` command. */
export const SYMBOLIZE_OPTIONS: OptionTable = {
  "return-addresses": { help: "addresses come from a stack: look up the call before each" },
  json: { help: "one JSON object" },
  "debug-dir": { value: "DIR", help: "look for separate debug files below DIR too", multiple: true },
};

export const symbolizeProcess: Command = {
  name: "symbolize process",
  summary: "resolve absolute addresses of a running process",
  operands: "ADDRESS…",
  options: { pid: { value: "PID", short: "p", help: "the process" }, ...SYMBOLIZE_OPTIONS },
  examples: [["sudo leakline symbolize process --pid 22487 0x56076afcb6f2", "an address as the process has it"]],
  async run(given) {
    const pid = given.text("pid");
    if (pid === undefined) throw usageError("symbolize process needs --pid PID");
    const addresses = addressesFrom(given);
    const process = openLiveProcess(parsePid(pid), given.texts("debug-dir"));
    const isReturn = given.flag("return-addresses");
    const resolve = (address: bigint): Frame[] => process.resolve(address, isReturn);
    answer(given, addresses, addresses.map(resolve));
    for (const problem of process.symbolizer.problems()) note(problem);
    return EXIT.done;
  },
};

export const symbolizeElf: Command = {
  name: "symbolize elf",
  summary: "resolve addresses of an ELF file",
  operands: "ADDRESS…",
  options: {
    path: { value: "FILE", help: "the ELF file" },
    "file-offset": { help: "addresses are offsets into the file, not virtual addresses" },
    section: { value: "NAME", help: "addresses are offsets into this section; in a .o or .ko, .text by default" },
    ...SYMBOLIZE_OPTIONS,
  },
  examples: [
    ["leakline symbolize elf --path ./test_memleak 0x6f2", "a virtual address, as nm and objdump print"],
    ["leakline symbolize elf --path ./test_memleak --file-offset 0x6f2", "an offset into the file"],
    ["leakline symbolize elf --path ./driver.ko --section .init.text 0x18", "an offset into a section"],
  ],
  async run(given) {
    const path = given.text("path");
    if (path === undefined) throw usageError("symbolize elf needs --path FILE");
    const addresses = addressesFrom(given);
    const module = openLocalModule(path, given.texts("debug-dir"));
    const isOffset = given.flag("file-offset");
    const section = given.text("section") ?? (module.elf.type === ET_REL ? ".text" : undefined);
    if (isOffset && given.text("section") !== undefined) throw usageError("either --file-offset or --section");
    const toVirtual = (value: number): VirtualAddress | undefined => {
      if (isOffset) return module.virtualAddress(value);
      return section === undefined ? virtualAddress(value) : module.sectionAddress(section, value);
    };
    const isReturn = given.flag("return-addresses");
    const outside = isOffset ? "file offset in no loaded segment" : `beyond the end of ${section}`;
    const resolve = (address: bigint): Frame[] => resolveInModule(module, address, toVirtual, outside, isReturn);
    answer(given, addresses, addresses.map(resolve));
    for (const problem of module.problems) note(problem);
    return EXIT.done;
  },
};

function resolveInModule(
  module: Module,
  address: bigint,
  toVirtual: (value: number) => VirtualAddress | undefined,
  outside: string,
  isReturn: boolean,
): Frame[] {
  const { path: name } = module;
  const place = { address, module: name, ...(module.elf.buildId && { buildId: module.elf.buildId }) };
  const virtual = toVirtual(toSignedNumber(address));
  if (virtual === undefined) {
    return [{ ...place, inlined: false, reason: outside }];
  }
  return module.find(virtual, isReturn).map((frame) => ({ ...place, ...frame }));
}

/** @throws LeaklineError `usage`. */
export function addressesFrom(given: Arguments): bigint[] {
  if (given.operands.length === 0) throw usageError("no ADDRESS given");
  return parseAddresses(given.operands);
}

/** Prints the frames of each address. */
export function answer(given: Arguments, addresses: readonly bigint[], answers: readonly Frame[][]): void {
  const resolved = addresses.map((address, i): ResolvedAddress => {
    const frames = answers[i];
    const last = frames.at(-1);
    return last?.symbol === undefined && last?.reason ? { address, frames, reason: last.reason } : { address, frames };
  });
  const symbols = { version: 1, kind: "symbols", addresses: resolved } as const;
  print(given.flag("json") ? `${toJson(symbols)}\n` : renderSymbols(symbols));
}
