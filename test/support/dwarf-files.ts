/**
 * Files with debug information for tests: compiled on the spot, opened for src/dwarf, and asked about of its peers.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { onTestFinished } from "vitest";
import { type VirtualAddress, virtualAddress } from "../../src/base/address.ts";
import { decompress } from "../../src/compress/index.ts";
import type { DwarfInput, Found } from "../../src/dwarf/index.ts";
import { type ElfFile, openElf } from "../../src/elf/index.ts";
import { type FileBytes, openFile } from "../../src/os/file-bytes.ts";
import { run, temporaryDirectory } from "./oracle.ts";

const SOURCES = new URL("../fixtures/dwarf/", import.meta.url).pathname;
/** gABI 4: sh_flags, sh_type. */
const SHF_EXECINSTR = 0x4;
const SHT_NOBITS = 8;

/** Path of a committed source. */
export function source(name: string): string {
  return join(SOURCES, name);
}

export type Opened = { bytes: FileBytes; elf: ElfFile; input: DwarfInput };

/** Opens a file on disk for openDwarf. It is closed when the test has finished. */
export function open(path: string, beside: Pick<DwarfInput, "package" | "supplementary"> = {}): Opened {
  const bytes = openFile(path);
  onTestFinished(() => bytes.close());
  const elf = openElf(bytes, { decompress });
  const code = codeSections(elf).map(({ address }) => address);
  const input: DwarfInput = {
    name: path,
    littleEndian: elf.littleEndian,
    section: (name) => elf.sectionData(name),
    lowestCode: code.length > 0 ? virtualAddress(Math.min(...code)) : undefined,
    loadSplit({ dwoName, compDir = "" }) {
      const dwo = isAbsolute(dwoName) ? dwoName : join(compDir, dwoName);
      return existsSync(dwo) ? open(dwo).input : undefined;
    },
    ...beside,
  };
  return { bytes, elf, input };
}

function codeSections(elf: ElfFile) {
  return elf.sections.filter((section) => section.flags & SHF_EXECINSTR);
}

/** Every `step`-th address of the file's code. */
export function codeAddresses(path: string, step: number): VirtualAddress[] {
  const addresses: VirtualAddress[] = [];
  for (const { type, address, size } of codeSections(open(path).elf)) {
    if (type === SHT_NOBITS) continue;
    for (let at: number = address; at < address + size; at += step) addresses.push(virtualAddress(at));
  }
  return addresses;
}

/** A copy without symbol tables: so the peers too can answer only from the DWARF. */
export function withoutSymbols(path: string): string {
  const copy = `${path}.nosymbols`;
  run("objcopy", "--strip-all", "--keep-section=.debug_*", "--keep-section=.gnu_debugaltlink", path, copy);
  return copy;
}

/** Frames as text, to compare: `function file:line:column`, innermost first. */
export function framesText({ frames }: Found): string {
  if (frames.length === 0) return "?? ??:0:0";
  return frames
    .map(({ function: f, file, line, column }) => `${f?.name ?? "??"} ${file ?? "??"}:${line ?? 0}:${column ?? 0}`)
    .join("\n");
}

/** What llvm-symbolizer says about each address, in the same form. */
export function llvmFrames(path: string, addresses: readonly number[]): string[] {
  const options = ["--inlines", "--functions=linkage", "--no-demangle", "--output-style=JSON"];
  const { stdout } = spawnSync("llvm-symbolizer", [`--obj=${path}`, ...options], {
    input: addresses.map((address) => `0x${address.toString(16)}\n`).join(""),
    maxBuffer: 1 << 30,
    encoding: "utf8",
  });
  type Answer = { Symbol: { FunctionName: string; FileName: string; Line: number; Column: number }[] };
  return stdout
    .trim()
    .split("\n")
    .map((line) =>
      (JSON.parse(line) as Answer).Symbol.map(
        ({ FunctionName, FileName, Line, Column }) =>
          `${FunctionName || "??"} ${singleCompDir(FileName) || "??"}:${Line}:${Column}`,
      ).join("\n"),
    );
}

/**
 * Until version 16, LLVM put a relative compilation directory in front of itself: `./csu/./csu/file.c`. Directory 0 of
 * DWARF 5 *is* the compilation directory (§6.2.4).
 */
function singleCompDir(path: string): string {
  return path.replace(/^(\.\/.+?)\/\1\//, "$1/");
}

/** Addresses where two lists of answers differ, with both; and how many of the answers know a function. */
export function compare(addresses: readonly number[], ours: readonly string[], theirs: readonly string[]) {
  const differences: { address: string; ours: string; theirs: string }[] = [];
  let known = 0;
  for (let i = 0; i < addresses.length; i++) {
    if (!ours[i].startsWith("??")) known++;
    if (ours[i] !== theirs[i])
      differences.push({ address: addresses[i].toString(16), ours: ours[i], theirs: theirs[i] });
  }
  return { differences: differences.slice(0, 5), known };
}

/** The debug sections of calls.c, compiled so, and addresses in its functions. */
export function compileSections(compiler: string, options: string) {
  const path = join(temporaryDirectory(), "program");
  run(compiler, ...options.split(" "), source("calls.c"), "-o", path);
  const { elf } = open(path);
  const sections: Record<string, Uint8Array> = {};
  for (const { name } of elf.sections) {
    const data = name?.startsWith(".debug_") ? elf.sectionData(name) : undefined;
    if (name && data) sections[name] = data.read(0, data.size).slice();
  }
  const addresses: number[] = [];
  for (const line of run("nm", path).split("\n"))
    if (/ [tT] (main|total|never_called)$/.test(line)) addresses.push(Number.parseInt(line, 16) + 8);
  return { sections, addresses };
}
