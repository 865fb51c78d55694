/**
 * All the files besides its own that the answers of an ELF file come from, but for `.dwo` files, which are found unit by
 * unit. To open them reads a few headers: enough to know which answers were kept.
 */

import type { ElfFile } from "../elf/index.ts";
import { type FoundFile, findDebugFile, findSupplementaryFile } from "./debug-files.ts";
import { hasBytes, hasDwarf } from "./debug-sections.ts";
import type { FileProvider } from "./file-provider.ts";
import { findPackage } from "./split-files.ts";

export type DebugFiles = {
  /** With debug information or symbols. */
  debugFile: FoundFile | undefined;
  /** That one or the file itself, whichever has debug information. */
  withDwarf: FoundFile | undefined;
  /** What dwz moved out of it. */
  supplementary: ElfFile | undefined;
  /** A `.dwp`. */
  package: ElfFile | undefined;
};

/**
 * @param path the ELF file's, as the process sees it.
 * @param note told about files that were found and refused.
 */
export function openDebugFiles(
  files: FileProvider,
  own: ElfFile,
  path: string,
  note: (message: string) => void,
): DebugFiles {
  const debugFile = hasDwarf(own) ? undefined : findDebugFile(files, own, path, note);
  const mayHaveDwarf = hasDwarf(own) ? { elf: own, path } : debugFile;
  const withDwarf = mayHaveDwarf && hasDwarf(mayHaveDwarf.elf) ? mayHaveDwarf : undefined;
  if (!withDwarf) return { debugFile, withDwarf, supplementary: undefined, package: undefined };
  const supplementary = findSupplementaryFile(files, withDwarf, note);
  // Split units need .debug_addr, in GNU's form of DWARF 4 too: without it, nobody has to look for them.
  const mayBeSplit = hasBytes(withDwarf.elf, ".debug_addr");
  const split = mayBeSplit ? findPackage(files, [path, withDwarf.path], own.buildId, note) : undefined;
  return { debugFile, withDwarf, supplementary, package: split };
}
