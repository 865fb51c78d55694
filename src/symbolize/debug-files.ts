/**
 * Where a file's debug information is kept when it is not in the file: in a separate file, found by build ID or by the
 * debug link (GDB manual, "Debugging Information in Separate Files"), which may share parts with others through dwz.
 *
 * No link is followed from a debug file to another debug file, so a chain or circle of them cannot arise.
 */

import type { ByteSource } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { crc32 } from "../compress/crc.ts";
import type { DebugLink, ElfFile } from "../elf/index.ts";
import { hasDwarf, hasSymbols } from "./debug-sections.ts";
import type { FileProvider } from "./file-provider.ts";
import { type CheckFile, openByBuildId, tryOpenChecked, tryOpenModule } from "./open-module.ts";
import { baseName, buildIdPath, directoryOf, joinPath } from "./paths.ts";

/** A file and the path that it was asked for by: as the process sees it, whatever the provider made of it. */
export type FoundFile = { readonly elf: ElfFile; readonly path: string };

type Report = (message: string) => void;

/**
 * The separate debug file of an ELF file.
 *
 * @param path the ELF file's, as the process sees it: debug links are relative to it.
 * @param problem told about files that were found and refused.
 */
export function findDebugFile(files: FileProvider, elf: ElfFile, path: string, problem: Report): FoundFile | undefined {
  for (const found of debugFileCandidates(files, elf, path, problem)) {
    // A build ID also leads to the file itself, or to another copy of it.
    if (hasDwarf(found.elf) || (hasSymbols(found.elf) && !hasSymbols(elf))) return found;
    found.elf.close();
  }
  return undefined;
}

function* debugFileCandidates(files: FileProvider, elf: ElfFile, path: string, problem: Report): Generator<FoundFile> {
  const { buildId, debugLink } = elf;
  if (buildId && buildId.length > 2) {
    for (const directory of files.debugDirectories) {
      const debugPath = buildIdPath(directory, buildId, ".debug");
      const found = tryOpenModule(files, { path: debugPath }, buildId, problem);
      if (found) yield { elf: found, path: debugPath };
    }
  }
  if (debugLink) {
    for (const debugPath of linkedPaths(files, debugLink, path)) {
      const found = tryOpenChecked(files, { path: debugPath }, belongsTo(elf, debugLink), problem);
      if (found) yield { elf: found, path: debugPath };
    }
  }
  const stored = buildId ? openByBuildId(files, buildId, "debuginfo", problem) : undefined;
  if (stored) yield { elf: stored, path: stored.name };
}

function linkedPaths(files: FileProvider, { file }: DebugLink, path: string): string[] {
  const folder = directoryOf(path);
  const name = baseName(file);
  const paths = [
    `${folder}/${name}`,
    `${folder}/.debug/${name}`,
    ...files.debugDirectories.map((directory) => `${directory}${folder}/${name}`),
    ...files.debugDirectories.map((directory) => `${directory}/${name}`),
  ];
  // A debug link may name the file itself.
  return paths.filter((candidate) => candidate !== path);
}

/** The build ID says enough; where one of the two has none, the debug link's CRC must fit. */
function belongsTo(elf: ElfFile, link: DebugLink): CheckFile {
  return (found) => {
    if (elf.buildId && found.buildId) {
      if (elf.buildId === found.buildId) return;
      throw new LeaklineError("mismatch", `${found.name} has build ID ${found.buildId}, not ${elf.buildId}`);
    }
    if (fileCrc(found.source) !== link.crc)
      throw new LeaklineError("mismatch", `${found.name}: its CRC is not that of the debug link, so it was not used`);
  };
}

/** The file with the parts that dwz moved out of a debug file. */
export function findSupplementaryFile(files: FileProvider, debugFile: FoundFile, problem: Report): ElfFile | undefined {
  const link = debugFile.elf.debugAltLink;
  if (!link) return undefined;
  const path = joinPath(directoryOf(debugFile.path), link.file);
  // Distributions keep these in one folder of the debug directory; the user's debug directory may be a copy of theirs.
  const [, shared] = /\/(\.dwz\/.*)$/.exec(path) ?? [];
  const paths = [
    path,
    ...files.debugDirectories.flatMap((directory) => [
      ...(shared === undefined ? [] : [`${directory}/${shared}`]),
      buildIdPath(directory, link.buildId, ".debug"),
    ]),
  ];
  const check: CheckFile = (found) => {
    if (found.supplementaryId !== link.buildId)
      throw new LeaklineError("mismatch", `${found.name} has build ID ${found.supplementaryId}, not ${link.buildId}`);
  };
  for (const candidate of new Set(paths)) {
    const found = tryOpenChecked(files, { path: candidate }, check, problem);
    if (found) return found;
  }
  const stored = openByBuildId(files, link.buildId, "debuginfo", problem);
  if (!stored) problem(`${path}: shared debug information (dwz) not found; names that it holds are missing`);
  return stored;
}

const CRC_PIECE = 1 << 20;
/** A larger file is not read to its end: a sparse one may claim to be as long as it likes. */
const MAX_CRC_FILE = 2 ** 32;

function fileCrc(source: ByteSource): number {
  if (source.size > MAX_CRC_FILE)
    throw new LeaklineError("limit", `${source.name}: too large to compute its CRC, so it was not used`);
  let crc = 0;
  for (let at = 0; at < source.size; at += CRC_PIECE) {
    crc = crc32(source.read(at, Math.min(CRC_PIECE, source.size - at)), crc);
  }
  return crc;
}
