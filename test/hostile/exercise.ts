/**
 * Everything that the symbolizer does with a file, done with one that may be damaged, and what must hold whatever its
 * bytes are:
 *
 * - no exception but a LeaklineError, and none at all once the file is open;
 * - each address has an answer: frames, the last one not inlined, and a reason where there is no name;
 * - work in proportion to the files: bytes read and bytes decompressed are counted, never time.
 */

import { virtualAddress } from "../../src/base/address.ts";
import { type ByteSource, type Decompress, memorySource } from "../../src/base/bytes.ts";
import { LeaklineError } from "../../src/base/errors.ts";
import { decompress } from "../../src/compress/index.ts";
import { openElf } from "../../src/elf/index.ts";
import { explainFileOffset, explainVirtual } from "../../src/symbolize/explain.ts";
import type { FileProvider } from "../../src/symbolize/file-provider.ts";
import { Module } from "../../src/symbolize/module.ts";

export type Files = ReadonlyMap<string, Uint8Array>;

export type Outcome = {
  /** Whether the main file could be opened at all. */
  opened: boolean;
  /** Frames that have a name, over all addresses. */
  named: number;
  work: Work;
};

export type Work = { bytesRead: number; bytesDecompressed: number; longestText: number };

/** Bytes that may be read: so many times the size of all files for each question, and some for small files. */
const READS_PER_QUESTION = 16;
const FREE_READS = 1 << 16;
/** Deflate and xz reach no more than this (zlib's technical notes: 1032:1; xz: below 8000:1 on endless zeros). */
const MAX_EXPANSION = 8192;

/** Addresses outside of any function, and outside of what a number holds exactly. */
const STRANGE_ADDRESSES = [-1, 0, 1, 0xffffffff, 2 ** 53];

/** @throws Error when something does not hold; the message says what. */
export function exercise(files: Files, main: string, addresses: readonly number[]): Outcome {
  const work: Work = { bytesRead: 0, bytesDecompressed: 0, longestText: 0 };
  const outcome: Outcome = { opened: false, named: 0, work };
  const provider = countingProvider(files, work);
  const source = provider.candidates({ path: main })[0]();
  if (!source) throw new Error(`${main} is not among the files`);
  let module: Module;
  try {
    module = new Module(openElf(source, { decompress: provider.decompress }), main, provider);
  } catch (error) {
    if (error instanceof LeaklineError) return outcome;
    throw error;
  }
  outcome.opened = true;
  const questions = askModule(module, addresses, outcome);
  checkWork(files, work, questions);
  return outcome;
}

/** Asks everything; returns how many questions that were. */
function askModule(module: Module, addresses: readonly number[], outcome: Outcome): number {
  const wanted = [...STRANGE_ADDRESSES, ...addresses].map((address) => virtualAddress(address));
  for (const frames of module.findAll(wanted, false)) outcome.named += checkFrames(frames, outcome.work);
  for (const address of wanted) checkFrames(module.find(address, true), outcome.work);
  for (const address of wanted.slice(-1)) explainVirtual(module, address);
  explainFileOffset(module, 0x1000);
  module.virtualAddress(0x1000);
  attempt(() => module.sectionAddress(".text", 4));
  const dwarf = module.debugInformation?.dwarf;
  if (dwarf) {
    attempt(() => exhaust(dwarf.units()));
    attempt(() => exhaust(dwarf.functions()));
    attempt(() => {
      for (const program of dwarf.lines())
        if ("rows" in program) for (const row of program.rows()) program.path(row.file);
    });
  }
  if (module.problems.some((problem) => typeof problem !== "string")) throw new Error("a problem that is no text");
  module.close();
  // Each listing reads everything once; the rest are questions about one address.
  return 2 * wanted.length + 5;
}

/** Returns how many frames have a name. */
function checkFrames(frames: ReturnType<Module["find"]>, work: Work): number {
  if (frames.length === 0) throw new Error("an address without any frame");
  let text = 0;
  for (const [i, { inlined, symbol, reason, file }] of frames.entries()) {
    if (inlined !== i < frames.length - 1) throw new Error("frames not in order");
    if (!inlined && symbol === undefined && reason === undefined) throw new Error("no name and no reason");
    text += (symbol?.length ?? 0) + (file?.length ?? 0) + (reason?.length ?? 0);
  }
  work.longestText = Math.max(work.longestText, text);
  return frames.filter(({ symbol }) => symbol !== undefined).length;
}

function checkWork(files: Files, work: Work, questions: number): void {
  let size = 0;
  for (const bytes of files.values()) size += bytes.length;
  // What was decompressed is read in its turn, from memory.
  const mayRead = READS_PER_QUESTION * questions * (size + work.bytesDecompressed) + FREE_READS;
  if (work.bytesRead > mayRead) throw new Error(`${work.bytesRead} bytes read of files of ${size}`);
  const mayDecompress = MAX_EXPANSION * size;
  if (work.bytesDecompressed > mayDecompress)
    throw new Error(`${work.bytesDecompressed} bytes decompressed from files of ${size}`);
}

function countingProvider(files: Files, work: Work): FileProvider {
  const counted: Decompress = (method, input, size) => {
    const output = decompress(method, input, size);
    work.bytesDecompressed += output.length;
    return output;
  };
  return {
    debugDirectories: ["/usr/lib/debug"],
    decompress: counted,
    candidates({ path }) {
      // Debug files are asked for in the folders where they were compiled, too: served wherever they are sought.
      const bytes = files.get(path) ?? files.get(`/${path.slice(path.lastIndexOf("/") + 1)}`);
      return [() => bytes && countingSource(path, bytes, work)];
    },
  };
}

function countingSource(name: string, bytes: Uint8Array, work: Work): ByteSource {
  const source = memorySource(name, bytes);
  return {
    name,
    size: source.size,
    read(offset, length) {
      const bytes = source.read(offset, length);
      work.bytesRead += length;
      return bytes;
    },
  };
}

function exhaust(items: Iterable<unknown>): void {
  for (const _ of items);
}

function attempt(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
  }
}
