/**
 * From a path and a build ID to the ELF file that is really meant.
 *
 * A file that merely has the right path is not good enough: binaries are replaced by upgrades, and names from the new
 * one would be wrong for a process that runs the old one. So what has a build ID is recognised by it, and what has none
 * by its segments, which at least tell most builds apart.
 */

import { describeError, LeaklineError } from "../base/errors.ts";
import { PT_LOAD } from "../elf/constants.ts";
import { type ElfFile, openElf } from "../elf/index.ts";
import type { RecordedSegment } from "../recording/events.ts";
import type { FileProvider, WantedFile } from "./file-provider.ts";

/**
 * @param buildId the one that the file must have; undefined or empty when none is known.
 * @throws LeaklineError `mismatch` when only files with another build ID were found, `not-found` when none was, or why
 *   the one that was found could not be read.
 */
export function openModule(files: FileProvider, wanted: WantedFile, buildId: string | undefined): ElfFile {
  let refusal: LeaklineError | undefined;
  for (const open of files.candidates(wanted)) {
    try {
      const source = open();
      if (!source) continue;
      const elf = openElf(source, { decompress: files.decompress });
      const difference = differenceFrom(elf, wanted, buildId);
      if (difference === undefined) return elf;
      refusal ??= new LeaklineError("mismatch", `${source.name} ${difference}`, {
        hint: "give the binaries of the recorded machine with --sysroot",
      });
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      refusal ??= error;
    }
  }
  throw (
    refusal ??
    new LeaklineError("not-found", `${wanted.path}: no such file here`, { hint: "give its folder with --sysroot" })
  );
}

/** Why the file is not the one that is meant; undefined when it is. */
function differenceFrom(elf: ElfFile, { segments }: WantedFile, buildId: string | undefined): string | undefined {
  if (buildId) return elf.buildId === buildId ? undefined : `has build ID ${elf.buildId ?? "none"}, not ${buildId}`;
  if (!segments?.length) return undefined;
  const loaded = elf.segments.filter(({ type }) => type === PT_LOAD);
  const same = loaded.length === segments.length && loaded.every((segment, i) => isSameSegment(segment, segments[i]));
  return same ? undefined : "is another file: it has no build ID, and its segments are not those recorded";
}

function isSameSegment(a: RecordedSegment, b: RecordedSegment): boolean {
  return (
    a.offset === b.offset &&
    a.fileSize === b.fileSize &&
    a.address === b.address &&
    a.memorySize === b.memorySize &&
    a.flags === b.flags
  );
}

/** As openModule, but undefined with a note for what is optional: a separate debug file. */
export function tryOpenModule(
  files: FileProvider,
  wanted: WantedFile,
  buildId: string | undefined,
  problem: (message: string) => void,
): ElfFile | undefined {
  try {
    return openModule(files, wanted, buildId);
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    if (error.code !== "not-found") problem(describeError(error));
    return undefined;
  }
}
