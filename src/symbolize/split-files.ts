/**
 * Where split debug information is (DWARF 5 §7.3.5; GDB manual, "Debugging Information in Separate Files"): in a `.dwp`
 * package beside the program, or unit by unit in `.dwo` files, where the compiler put them or beside the program.
 *
 * Whether a unit is the right one is for the DWARF reader to say: both halves carry the same id.
 */

import { LeaklineError } from "../base/errors.ts";
import type { SplitQuery } from "../dwarf/index.ts";
import type { ElfFile } from "../elf/index.ts";
import { hasBytes } from "./debug-sections.ts";
import type { FileProvider } from "./file-provider.ts";
import { type CheckFile, tryOpenChecked } from "./open-module.ts";
import { baseName, buildIdPath, directoryOf, joinPath } from "./paths.ts";

/**
 * The package of a program.
 *
 * @param paths of the program and of its debug file, as the process sees them.
 */
export function findPackage(
  files: FileProvider,
  paths: readonly string[],
  buildId: string | undefined,
  problem: (message: string) => void,
): ElfFile | undefined {
  const candidates = paths.flatMap((path) => [
    `${path}.dwp`,
    ...files.debugDirectories.flatMap((directory) => [`${directory}${path}.dwp`, `${directory}/${baseName(path)}.dwp`]),
  ]);
  if (buildId && buildId.length > 2)
    candidates.push(...files.debugDirectories.map((directory) => buildIdPath(directory, buildId, ".dwp")));
  return openFirst(files, candidates, ".debug_cu_index", problem);
}

/**
 * The `.dwo` file of one unit.
 *
 * @param path of the program, as the process sees it.
 */
export function findSplitFile(
  files: FileProvider,
  path: string,
  { compDir, dwoName }: SplitQuery,
  problem: (message: string) => void,
): ElfFile | undefined {
  const folder = directoryOf(path);
  // A build that is to be reproducible states its own folder as "." or not at all.
  const compiled = joinPath(joinPath(folder, compDir ?? ""), dwoName);
  const candidates = [
    compiled,
    joinPath(folder, dwoName),
    `${folder}/${baseName(dwoName)}`,
    ...files.debugDirectories.flatMap((directory) => [`${directory}${compiled}`, `${directory}/${baseName(dwoName)}`]),
  ];
  return openFirst(files, candidates, ".debug_info.dwo", problem);
}

function openFirst(
  files: FileProvider,
  paths: readonly string[],
  section: string,
  problem: (message: string) => void,
): ElfFile | undefined {
  const check: CheckFile = (elf) => {
    if (!hasBytes(elf, section)) throw new LeaklineError("mismatch", `${elf.name}: has no ${section} section`);
  };
  for (const path of new Set(paths)) {
    const found = tryOpenChecked(files, { path }, check, problem);
    if (found) return found;
  }
  return undefined;
}
