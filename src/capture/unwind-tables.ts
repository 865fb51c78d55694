/** The unwind tables of a process's files, from reading or compiling them to handing them over. */

import { statSync } from "node:fs";
import { describeError, LeaklineError } from "../base/errors.ts";
import { decompress } from "../compress/decompress.ts";
import { openElf } from "../elf/index.ts";
import { type LoadedModule, openModuleFile } from "../process/modules.ts";
import { hasProgram, targetGone } from "../process/proc-file.ts";
import { compileUnwindTable, type UnwindTable } from "../unwind/index.ts";
import { fileKey } from "./mapping-tracker.ts";
import { loadPreparedTable } from "./prepared-tables.ts";

export type UnwindTablesOptions = {
  warn(message: string): void;
  /** Folder of prepared tables, looked into first. */
  directory: string | undefined;
};

export class UnwindTables {
  private readonly options: UnwindTablesOptions;
  private readonly tables = new Map<string, UnwindTable | undefined>();

  /** @throws LeaklineError `not-found` when the folder is none. */
  constructor(options: UnwindTablesOptions) {
    this.options = options;
    const { directory } = options;
    if (directory !== undefined && !statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
      throw new LeaklineError("not-found", `${directory}: no such folder`, { hint: "leakline prepare makes one" });
    }
  }

  /** Rows of all modules of a process together. */
  countRows(pid: number, modules: readonly LoadedModule[]): number {
    return modules.reduce((sum, module) => sum + (this.table(pid, module)?.starts.length ?? 0), 0);
  }

  /** The table of a module, which is not kept here any longer; undefined when its file has none or cannot be read. */
  take(pid: number, module: LoadedModule): UnwindTable | undefined {
    const table = this.table(pid, module);
    this.tables.delete(fileKey(module.mappings[0]));
    return table;
  }

  private table(pid: number, module: LoadedModule): UnwindTable | undefined {
    const key = fileKey(module.mappings[0]);
    if (!this.tables.has(key)) this.tables.set(key, this.prepared(module) ?? this.compile(pid, module));
    return this.tables.get(key);
  }

  private prepared({ path, buildId }: LoadedModule): UnwindTable | undefined {
    const { directory, warn } = this.options;
    if (directory === undefined || buildId === undefined) return undefined;
    try {
      return loadPreparedTable(directory, buildId);
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      warn(`${path}: its prepared unwind table is not used: ${describeError(error)}`);
      return undefined;
    }
  }

  private compile(pid: number, module: LoadedModule): UnwindTable | undefined {
    const { warn } = this.options;
    try {
      const bytes = openModuleFile(pid, module);
      try {
        return compileUnwindTable(openElf(bytes, { decompress }));
      } finally {
        bytes.close();
      }
    } catch (error) {
      if (!(error instanceof LeaklineError) || error.code === "target-gone") throw error;
      if (!hasProgram(pid)) throw targetGone(pid, error);
      warn(`${module.path}: stacks may end in its code: ${describeError(error)}`);
      return undefined;
    }
  }
}
