/** `leakline symbolize process|elf`: addresses to function, file and line. */

import { toJson } from "../report/json.ts";
import { type ResolvedAddress, renderSymbols, renderSymbolsAsStack, type Symbols } from "../report/symbols.ts";
import type { Frame } from "../symbolize/frame.ts";
import { openLocalModule } from "../symbolize/local/local-module.ts";
import { type AddressSource, elfSource, processSource, type SourceOptions } from "./address-source.ts";
import { parseAddresses } from "./addresses.ts";
import { ANSWERS_OPTION, answersFrom } from "./answers.ts";
import { type Arguments, type Command, type OptionTable, parsePid, usageError } from "./command.ts";
import { DEBUGINFOD_OPTION, debuginfodFrom, resolveAndFetch } from "./debuginfod.ts";
import { EXIT } from "./exit-codes.ts";
import { note, print } from "./output.ts";
import { readStdin } from "./stdin.ts";

/** Options of every `symbolize` command. */
export const SYMBOLIZE_OPTIONS: OptionTable = {
  "return-addresses": { help: "addresses come from a stack: look up the call before each" },
  layout: { value: "NAME", help: "blazecli, or memleak: a numbered stack", default: "blazecli" },
  json: { help: "one JSON object" },
  "full-paths": { help: "with --layout memleak: whole paths of source files" },
  "debug-dir": { value: "DIR", help: "look for separate debug files below DIR too", multiple: true },
  ...DEBUGINFOD_OPTION,
  ...ANSWERS_OPTION,
};

export const symbolizeProcess: Command = {
  name: "symbolize process",
  summary: "resolve absolute addresses of a running process",
  operands: "[ADDRESS…]",
  options: { pid: { value: "PID", short: "p", help: "the process" }, ...SYMBOLIZE_OPTIONS },
  examples: [
    ["sudo leakline symbolize process --pid 22487 0x56076afcb6f2", "an address as the process has it"],
    ["cat addresses | sudo leakline symbolize process --pid 22487", "many, from stdin"],
  ],
  async run(given) {
    const text = given.text("pid");
    if (text === undefined) throw usageError("symbolize process needs --pid PID");
    const pid = parsePid(text);
    return answer(given, (options) => processSource(pid, options));
  },
};

export const symbolizeElf: Command = {
  name: "symbolize elf",
  summary: "resolve addresses of an ELF file",
  operands: "[ADDRESS…]",
  options: {
    path: { value: "FILE", help: "the ELF file" },
    "file-offset": { help: "addresses are offsets into the file, not virtual addresses" },
    index: { help: "look up all code of FILE and keep it, so that any address is found at once later" },
    section: { value: "NAME", help: "addresses are offsets into this section; in a .o or .ko, .text by default" },
    ...SYMBOLIZE_OPTIONS,
  },
  examples: [
    ["leakline symbolize elf --path ./test_memleak 0x6f2", "a virtual address, as nm and objdump print"],
    ["leakline symbolize elf --path ./test_memleak --file-offset 0x6f2", "an offset into the file"],
    ["leakline symbolize elf --path ./server --index", "once; from then on any of its addresses takes milliseconds"],
    ["leakline symbolize elf --path ./driver.ko --section .init.text 0x18", "an offset into a section"],
  ],
  async run(given) {
    const path = given.text("path");
    if (path === undefined) throw usageError("symbolize elf needs --path FILE");
    const how = { isFileOffset: given.flag("file-offset"), section: given.text("section") };
    if (given.flag("index")) indexElf(given, path);
    if (given.flag("index") && given.operands.length === 0) return EXIT.done;
    if (how.isFileOffset && how.section !== undefined) throw usageError("either --file-offset or --section");
    return answer(given, (options) => elfSource(path, how, options));
  },
};

/** @throws LeaklineError as `Module.keepWhole`. */
function indexElf(given: Arguments, path: string): void {
  const module = openLocalModule(path, given.texts("debug-dir"), undefined, answersFrom(given));
  try {
    module.keepWhole();
  } finally {
    module.close();
  }
}

/** Resolves the addresses given, as arguments or on stdin, and prints their frames. @returns the exit code. */
export async function answer(given: Arguments, open: (options: SourceOptions) => AddressSource): Promise<number> {
  const render = rendererFrom(given);
  const debuginfod = debuginfodFrom(given);
  const source = open({ debugDirectories: given.texts("debug-dir"), debuginfod, answers: answersFrom(given) });
  const addresses = parseAddresses(given.operands.length > 0 ? given.operands : await wordsFromStdin());
  const isReturn = given.flag("return-addresses");
  const frames = await resolveAndFetch(
    debuginfod,
    () => source.resolveAll(addresses, isReturn),
    () => source.reopen(),
  );
  const symbols: Symbols = {
    version: 1,
    kind: "symbols",
    addresses: addresses.map((address, index) => describe(address, frames[index])),
  };
  print(render(symbols));
  for (const problem of source.problems()) note(problem);
  return EXIT.done;
}

function describe(address: bigint, frames: Frame[]): ResolvedAddress {
  const last = frames.at(-1);
  return last?.symbol === undefined && last?.reason ? { address, frames, reason: last.reason } : { address, frames };
}

/** @throws LeaklineError `usage` for a layout that there is not. */
function rendererFrom(given: Arguments): (symbols: Symbols) => string {
  const layout = given.text("layout");
  if (layout !== "blazecli" && layout !== "memleak")
    throw usageError(`--layout ${layout}: no such layout`, "blazecli or memleak");
  if (given.flag("json")) return (symbols) => `${toJson(symbols)}\n`;
  if (layout === "blazecli") return renderSymbols;
  const options = { fullPaths: given.flag("full-paths") };
  return (symbols) => renderSymbolsAsStack(symbols, options);
}

/** @throws LeaklineError `usage` when there are none. */
async function wordsFromStdin(): Promise<string[]> {
  const words = process.stdin.isTTY ? [] : (await readStdin()).split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) throw usageError("no ADDRESS given", "give them as arguments or on stdin");
  return words;
}
