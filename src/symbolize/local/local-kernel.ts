/** The kernel of this machine as it runs now, or another one by its saved symbol table. */

import { release } from "node:os";
import { resolve } from "node:path";
import { describeError, LeaklineError } from "../../base/errors.ts";
import { openFile } from "../../os/file-bytes.ts";
import type { Kallsyms } from "../../process/kallsyms.ts";
import { kernelBuildId, loadedKernelModule, readKallsyms } from "../../process/kernel.ts";
import { Kernel } from "../kernel.ts";
import type { Debuginfod } from "./debuginfod.ts";
import type { IndexStore } from "./index-store.ts";
import { imagePaths, moduleDirectories, moduleFinder } from "./kernel-files.ts";
import { localFiles } from "./local-files.ts";

export type LocalKernelOptions = {
  /** A saved /proc/kallsyms or a System.map: of another boot, or another machine. */
  kallsyms?: string | undefined;
  /** What KASLR moved that kernel by. */
  kaslrOffset?: number | undefined;
  /** The kernel's ELF file; default: where distributions put that of the running kernel. */
  vmlinux?: string | undefined;
  /** Folders with modules, searched before the usual ones. */
  moduleDirectories?: readonly string[];
  /** Further directories of separate debug files, tried before the usual one. */
  debugDirectories?: readonly string[];
  /** Asked for what is not here. */
  debuginfod?: Debuginfod | undefined;
  /** Answers of earlier runs. */
  answers?: IndexStore | undefined;
};

/**
 * Opens the kernel; of its files none before an address needs it.
 *
 * With `kallsyms` or `kaslrOffset`, nothing of the running kernel is asked: those addresses are of another one.
 *
 * @throws LeaklineError when a file that was named cannot be read. What cannot be known of the running kernel is not
 * thrown: it becomes the reason of its addresses.
 */
export function openLocalKernel(options: LocalKernelOptions): Kernel {
  const { debugDirectories = [], debuginfod, answers } = options;
  const files = localFiles({ debugDirectories, debuginfod, answers });
  const isRunning = options.kallsyms === undefined && options.kaslrOffset === undefined;
  const buildId = isRunning ? kernelBuildId() : undefined;
  const running = release();
  if (options.vmlinux !== undefined) openFile(options.vmlinux).close();
  const directories = [
    ...(options.moduleDirectories ?? []).map((directory) => resolve(directory)),
    ...moduleDirectories(running, files.debugDirectories),
  ];
  return new Kernel({
    ...(isRunning ? runningKallsyms() : savedKallsyms(options.kallsyms)),
    buildId,
    kaslrOffset: options.kaslrOffset,
    files,
    imagePaths:
      options.vmlinux === undefined ? imagePaths(running, buildId, files.debugDirectories) : [resolve(options.vmlinux)],
    modulePaths: moduleFinder(directories),
    loadedModule: (name) => (isRunning ? loadedKernelModule(name) : undefined),
  });
}

type FoundKallsyms = { kallsyms: Kallsyms | undefined; kallsymsProblem: string | undefined };

function savedKallsyms(path: string | undefined): FoundKallsyms {
  return { kallsyms: path === undefined ? undefined : readKallsyms(path), kallsymsProblem: undefined };
}

function runningKallsyms(): FoundKallsyms {
  try {
    return { kallsyms: readKallsyms(), kallsymsProblem: undefined };
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    return { kallsyms: undefined, kallsymsProblem: describeError(error) };
  }
}
