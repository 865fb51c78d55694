/** One ELF file of this machine, given by its path. */

import { resolve } from "node:path";
import { openElf } from "../../elf/index.ts";
import { openFile } from "../../os/file-bytes.ts";
import { Module } from "../module.ts";
import type { Debuginfod } from "./debuginfod.ts";
import { diskFiles } from "./disk-files.ts";
import type { IndexStore } from "./index-store.ts";
import { decompressToDisk } from "./unpacked-file.ts";

/**
 * @param threads that may work on one large batch of addresses. Default: 1.
 * @throws LeaklineError when it is not there, cannot be read, or is no ELF file.
 */
export function openLocalModule(
  path: string,
  debugDirectories: readonly string[] = [],
  debuginfod?: Debuginfod,
  answers?: IndexStore,
  threads?: number,
): Module {
  const elf = openElf(openFile(path), { decompress: decompressToDisk });
  return new Module(elf, resolve(path), diskFiles({ debugDirectories, debuginfod, answers, threads }));
}
