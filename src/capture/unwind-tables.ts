/** The unwind tables of a process's files, from compiling them to handing them over. */

import { describeError, LeaklineError } from "../base/errors.ts";
import { decompress } from "../compress/decompress.ts";
import { openElf } from "../elf/index.ts";
import { openMappedFile } from "../process/mapped-file.ts";
import type { LoadedModule } from "../process/modules.ts";
import { compileUnwindTable, type UnwindTable } from "../unwind/index.ts";
import { fileKey } from "./mapping-tracker.ts";

export class UnwindTables {
  private readonly pid: number;
  private readonly warn: (message: string) => void;
  private readonly tables = new Map<string, UnwindTable | undefined>();

  constructor(pid: number, warn: (message: string) => void) {
    this.pid = pid;
    this.warn = warn;
  }

  /** Rows of all modules together. */
  countRows(modules: readonly LoadedModule[]): number {
    return modules.reduce((sum, module) => sum + (this.table(module)?.starts.length ?? 0), 0);
  }

  /** The table of a module, which is not kept here any longer; undefined when its file has none or cannot be read. */
  take(module: LoadedModule): UnwindTable | undefined {
    const table = this.table(module);
    this.tables.delete(fileKey(module.mappings[0]));
    return table;
  }

  private table(module: LoadedModule): UnwindTable | undefined {
    const key = fileKey(module.mappings[0]);
    if (!this.tables.has(key)) this.tables.set(key, this.compile(module));
    return this.tables.get(key);
  }

  private compile(module: LoadedModule): UnwindTable | undefined {
    try {
      const { bytes } = openMappedFile(this.pid, module.mappings[0]);
      try {
        return compileUnwindTable(openElf(bytes, { decompress }));
      } finally {
        bytes.close();
      }
    } catch (error) {
      if (!(error instanceof LeaklineError) || error.code === "target-gone") throw error;
      this.warn(`${module.path}: stacks may end in its code: ${describeError(error)}`);
      return undefined;
    }
  }
}
