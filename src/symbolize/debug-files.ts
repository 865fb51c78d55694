/**
 * Where a file's debug information is kept when it is not in the file: in a separate file, found by build ID or by the
 * debug link (gdb manual, "Separate Debug Files"), which may share parts with others through dwz.
 */

import type { ByteSource } from "../base/bytes.ts";
import { crc32 } from "../compress/crc.ts";
import type { ElfFile } from "../elf/index.ts";
import type { FileProvider } from "./file-provider.ts";
import { openByBuildId, tryOpenModule } from "./open-module.ts";

/**
 * The separate debug file of an ELF file.
 *
 * @param path the ELF file's, as the process sees it: debug links are relative to it.
 * @param problem told about files that were found and refused.
 */
export function findDebugFile(
  files: FileProvider,
  elf: ElfFile,
  path: string,
  problem: (message: string) => void,
): ElfFile | undefined {
  return (
    findHere(files, elf, path, problem) ??
    (elf.buildId ? openByBuildId(files, elf.buildId, "debuginfo", problem) : undefined)
  );
}

function findHere(
  files: FileProvider,
  elf: ElfFile,
  path: string,
  problem: (message: string) => void,
): ElfFile | undefined {
  if (elf.buildId && elf.buildId.length > 2) {
    for (const directory of files.debugDirectories) {
      const wanted = { path: buildIdPath(directory, elf.buildId) };
      const found = tryOpenModule(files, wanted, elf.buildId, problem);
      if (found) return found;
    }
  }
  const { debugLink } = elf;
  if (!debugLink) return undefined;
  const folder = directoryOf(path);
  const name = debugLink.file.slice(debugLink.file.lastIndexOf("/") + 1);
  const paths = [
    `${folder}/${name}`,
    `${folder}/.debug/${name}`,
    ...files.debugDirectories.map((directory) => `${directory}${folder}/${name}`),
  ];
  for (const debugPath of paths) {
    // A debug link may name the file itself.
    if (debugPath === path) continue;
    const found = tryOpenModule(files, { path: debugPath }, elf.buildId, problem);
    if (!found) continue;
    // The build ID says enough; without one, the link's CRC must fit (gdb manual).
    if (elf.buildId || fileCrc(found.source) === debugLink.crc) return found;
    problem(`${debugPath}: its CRC is not that of the debug link, so it was not used`);
  }
  return undefined;
}

/** The file with the parts that dwz moved out of a debug file. */
export function findSupplementaryFile(
  files: FileProvider,
  debugFile: ElfFile,
  debugPath: string,
  problem: (message: string) => void,
): ElfFile | undefined {
  const link = debugFile.debugAltLink;
  if (!link) return undefined;
  const path = link.file.startsWith("/") ? link.file : `${directoryOf(debugPath)}/${link.file}`;
  const byBuildId = files.debugDirectories.map((directory) => buildIdPath(directory, link.buildId));
  for (const candidate of [path, ...byBuildId]) {
    const found = tryOpenModule(files, { path: candidate }, link.buildId, problem);
    if (found) return found;
  }
  const stored = openByBuildId(files, link.buildId, "debuginfo", problem);
  if (stored) return stored;
  problem(`${path}: shared debug information (dwz) not found; names that it holds are missing`);
  return undefined;
}

const CRC_PIECE = 1 << 20;

function fileCrc(source: ByteSource): number {
  let crc = 0;
  for (let at = 0; at < source.size; at += CRC_PIECE) {
    crc = crc32(source.read(at, Math.min(CRC_PIECE, source.size - at)), crc);
  }
  return crc;
}

function buildIdPath(directory: string, buildId: string): string {
  return `${directory}/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
