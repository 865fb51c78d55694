/**
 * From a path and a build ID to the ELF file that is really meant.
 *
 * A file that merely has the right path is not good enough: binaries are replaced by upgrades, and names from the new
 * one would be wrong for a process that runs the old one. So what has a build ID is recognised by it, and what has none
 * by its segments, which at least tell most builds apart.
 */

import type { ByteSource } from "../base/bytes.ts";
import { describeError, LeaklineError } from "../base/errors.ts";
import { PT_LOAD } from "../elf/constants.ts";
import { type ElfFile, openElf } from "../elf/index.ts";
import type { RecordedSegment } from "../recording/events.ts";
import type { BuildIdKind, FileProvider, WantedFile } from "./file-provider.ts";

/** Throws a LeaklineError `mismatch` when a file is not the one that is meant. */
export type CheckFile = (elf: ElfFile) => void;

/**
 * @param buildId the one that the file must have; undefined or empty when none is known.
 * @throws LeaklineError `mismatch` when only files with another build ID were found, `not-found` when none was, or why
 *   the one that was found could not be read.
 */
export function openModule(files: FileProvider, wanted: WantedFile, buildId: string | undefined): ElfFile {
  return openChecked(files, wanted, isMeant(wanted, buildId));
}

/** As openModule, but undefined with a note for what is optional: a separate debug file. */
export function tryOpenModule(
  files: FileProvider,
  wanted: WantedFile,
  buildId: string | undefined,
  problem: (message: string) => void,
): ElfFile | undefined {
  return tryOpenChecked(files, wanted, isMeant(wanted, buildId), problem);
}

/** The file with a build ID from the provider's store; undefined, with a note when it was found and refused. */
export function openByBuildId(
  files: FileProvider,
  buildId: string,
  kind: BuildIdKind,
  problem: (message: string) => void,
): ElfFile | undefined {
  const stored: FileProvider = {
    candidates: () => [() => files.byBuildId?.(buildId, kind)],
    debugDirectories: [],
    decompress: files.decompress,
  };
  return tryOpenModule(stored, { path: buildId }, buildId, problem);
}

/** As tryOpenModule, for a file that is recognised by something else than its build ID. */
export function tryOpenChecked(
  files: FileProvider,
  wanted: WantedFile,
  check: CheckFile,
  problem: (message: string) => void,
): ElfFile | undefined {
  try {
    return openChecked(files, wanted, check);
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    if (error.code !== "not-found") problem(describeError(error));
    return undefined;
  }
}

/** The first of the candidates that opens and passes the check. One that does not never hides the next. */
function openChecked(files: FileProvider, wanted: WantedFile, check: CheckFile): ElfFile {
  let refusal: LeaklineError | undefined;
  for (const open of files.candidates(wanted)) {
    let source: ByteSource | undefined;
    try {
      source = open();
      if (!source) continue;
      const elf = openElf(source, { decompress: files.decompress });
      check(elf);
      return elf;
    } catch (error) {
      source?.close?.();
      if (!(error instanceof LeaklineError)) throw error;
      refusal ??= error;
    }
  }
  throw (
    refusal ??
    new LeaklineError("not-found", `${wanted.path}: no such file here`, { hint: "give its folder with --sysroot" })
  );
}

/** By its build ID; a file that has none by its segments, when they are known. */
function isMeant({ segments }: WantedFile, buildId: string | undefined): CheckFile {
  return (elf) => {
    const difference = differenceFrom(elf, segments, buildId);
    if (difference === undefined) return;
    throw new LeaklineError("mismatch", `${elf.name} ${difference}`, {
      hint: "give the binaries of the recorded machine with --sysroot",
    });
  };
}

/** Why the file is not the one that is meant; undefined when it is. */
function differenceFrom(
  elf: ElfFile,
  segments: WantedFile["segments"],
  buildId: string | undefined,
): string | undefined {
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
