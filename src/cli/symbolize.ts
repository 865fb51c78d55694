/** `leakline symbolize process|elf`: addresses to function, file and line. */

import { hex, toSignedNumber, virtualAddress } from "../base/address.ts";
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
    answer(given, addresses, (address) => process.resolve(address, isReturn));
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
    ...SYMBOLIZE_OPTIONS,
  },
  examples: [
    ["leakline symbolize elf --path ./test_memleak 0x6f2", "a virtual address, as nm and objdump print"],
    ["leakline symbolize elf --path ./test_memleak --file-offset 0x6f2", "an offset into the file"],
  ],
  async run(given) {
    const path = given.text("path");
    if (path === undefined) throw usageError("symbolize elf needs --path FILE");
    const addresses = addressesFrom(given);
    const module = openLocalModule(path, given.texts("debug-dir"));
    const isOffset = given.flag("file-offset");
    const isReturn = given.flag("return-addresses");
    answer(given, addresses, (address) => resolveInModule(module, address, isOffset, isReturn));
    for (const problem of module.problems) note(problem);
    return EXIT.done;
  },
};

function resolveInModule(module: Module, address: bigint, isOffset: boolean, isReturn: boolean): Frame[] {
  const { path: name } = module;
  const place = { address, module: name, ...(module.elf.buildId && { buildId: module.elf.buildId }) };
  const value = toSignedNumber(address);
  const virtual = isOffset ? module.virtualAddress(value) : virtualAddress(value);
  if (virtual === undefined) {
    return [{ ...place, inlined: false, reason: `file offset 0x${hex(address)} is in no loaded segment` }];
  }
  return module.find(virtual, isReturn).map((frame) => ({ ...place, ...frame }));
}

/** @throws LeaklineError `usage`. */
export function addressesFrom(given: Arguments): bigint[] {
  if (given.operands.length === 0) throw usageError("no ADDRESS given");
  return parseAddresses(given.operands);
}

/** Prints what `resolve` gives for each address. */
export function answer(given: Arguments, addresses: readonly bigint[], resolve: (address: bigint) => Frame[]): void {
  const resolved = addresses.map((address): ResolvedAddress => {
    const frames = resolve(address);
    const last = frames.at(-1);
    return last?.symbol === undefined && last?.reason ? { address, frames, reason: last.reason } : { address, frames };
  });
  const symbols = { version: 1, kind: "symbols", addresses: resolved } as const;
  print(given.flag("json") ? `${toJson(symbols)}\n` : renderSymbols(symbols));
}
