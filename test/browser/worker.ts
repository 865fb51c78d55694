/**
 * Symbolizes: all that takes time happens here, so that the page never freezes. It has what a worker has and the pure
 * core needs no more: the files are read in slices, and decompression is our own.
 */

import { type ElfFile, openElf } from "../../src/elf/index.ts";
import {
  blobSource,
  decompressPortably,
  type FileProvider,
  LeaklineError,
  Module,
  virtualAddress,
} from "../../src/symbolize/core.ts";
import type { Answer, Question } from "./messages.ts";

const decompress = decompressPortably;

self.addEventListener("message", ({ data }: MessageEvent<Question>) => {
  self.postMessage(answer(data));
});

function answer({ files, addresses, isReturnAddress }: Question): Answer {
  try {
    const sources = files.map((file) => blobSource(file.name, file));
    const elfs = sources.map((source) => openElf(source, { decompress }));
    const program = elfs.find(hasCode) ?? elfs[0];
    if (!program) return { kind: "error", message: "choose a file first" };
    const module = new Module(program, `/${program.name}`, uploads(elfs));
    const frames = module.findAll(addresses.map(virtualAddress), isReturnAddress);
    const bytesRead = sources.reduce((sum, source) => sum + source.bytesRead, 0);
    return { kind: "frames", module: program.name, frames, problems: module.problems, bytesRead };
  } catch (error) {
    if (error instanceof LeaklineError) return { kind: "error", message: error.message };
    return { kind: "error", message: String(error) };
  }
}

/** Debug files are found by their build ID, or where they have none by the name that the program's debug link gives. */
function uploads(elfs: readonly ElfFile[]): FileProvider {
  const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
  return {
    candidates: ({ path }) => [() => elfs.find(({ name }) => name === nameOf(path))?.source],
    byBuildId: (id, kind) => elfs.find((elf) => elf.buildId === id && (kind === "executable") === hasCode(elf))?.source,
    debugDirectories: [],
    decompress,
  };
}

/** A debug file has the headers of its program's sections, without their bytes. */
function hasCode(elf: ElfFile): boolean {
  return elf.sectionData(".text") !== undefined;
}
