/**
 * From a path and a build ID to the ELF file that is really meant.
 *
 * A file that merely has the right path is not good enough: binaries are replaced by upgrades, and names from the new
 * one would be wrong for a process that runs the old one. So what has a build ID is recognised by it.
 */

import type { ByteSource } from "../base/bytes.ts";
import { describeError, LeaklineError } from "../base/errors.ts";
import { type ElfFile, openElf } from "../elf/index.ts";
import type { BuildIdKind, FileProvider, WantedFile } from "./file-provider.ts";

/** Throws a LeaklineError `mismatch` when a file is not the one that is meant. */
export type CheckFile = (elf: ElfFile) => void;

/**
 * @param buildId the one that the file must have; undefined or empty when none is known.
 * @throws LeaklineError `mismatch` when only files with another build ID were found, `not-found` when none was, or why
 *   the one that was found could not be read.
 */
export function openModule(files: FileProvider, wanted: WantedFile, buildId: string | undefined): ElfFile {
  return openChecked(files, wanted, hasBuildId(buildId));
}

/** As openModule, but undefined with a note for what is optional: a separate debug file. */
export function tryOpenModule(
  files: FileProvider,
  wanted: WantedFile,
  buildId: string | undefined,
  problem: (message: string) => void,
): ElfFile | undefined {
  return tryOpenChecked(files, wanted, hasBuildId(buildId), problem);
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

function hasBuildId(buildId: string | undefined): CheckFile {
  return (elf) => {
    if (!buildId || elf.buildId === buildId) return;
    throw new LeaklineError("mismatch", `${elf.name} has build ID ${elf.buildId ?? "none"}, not ${buildId}`, {
      hint: "give the binaries of the recorded machine with --sysroot",
    });
  };
}
