/**
 * The modules in use, with a budget of open files and of memory: what was used least recently is closed first. When it
 * is needed again, it is opened again, and recognised again by its build ID.
 */

import type { LeaklineError } from "../base/errors.ts";
import { Module } from "./module.ts";

/** Well below the 1024 files that a process may have open unless told otherwise (getrlimit(2), RLIMIT_NOFILE). */
export const DEFAULT_OPEN_FILES = 256;
/**
 * Memory of all modules together, in bytes, about: symbol tables, indexes, decompressed sections, cached units. A process
 * that resolves for days stays below this and what its largest module takes alone.
 */
export const DEFAULT_MODULE_MEMORY = 192 << 20;
/** Modules kept that hold no file, such as those that could not be opened. */
const MAX_MODULES = 4096;
/** Problems of closed modules that are still told. */
const MAX_PROBLEMS = 1000;

export class ModuleCache<Key> {
  private readonly maxOpenFiles: number;
  private readonly maxMemory: number;
  /** Least recently used first. */
  private readonly modules = new Map<Key, Module | LeaklineError>();
  private readonly oldProblems = new Set<string>();

  /**
   * @param maxOpenFiles of all modules together; the one that was used last may exceed it alone.
   * @param maxMemory in bytes, likewise.
   */
  constructor(maxOpenFiles = DEFAULT_OPEN_FILES, maxMemory = DEFAULT_MODULE_MEMORY) {
    this.maxOpenFiles = maxOpenFiles;
    this.maxMemory = maxMemory;
  }

  /**
   * The module of a key, opened when it is not here. Ask again before each use: the next call may close it.
   *
   * @param open gives the module, or the reason why there is none, which is remembered likewise.
   */
  get(key: Key, open: () => Module | LeaklineError): Module | LeaklineError {
    const module = this.modules.get(key) ?? open();
    // Re-inserted last: a Map iterates in insertion order.
    this.modules.delete(key);
    this.modules.set(key, module);
    this.closeOldest();
    return module;
  }

  /** What was found damaged or missing in the files used so far. */
  problems(): string[] {
    return [...new Set([...this.oldProblems, ...[...this.modules.values()].flatMap(problemsOf)])];
  }

  /** Closes and forgets all modules. */
  close(): void {
    for (const key of [...this.modules.keys()]) this.drop(key);
  }

  /** A module opens more files and takes more memory while it is used, so both are counted anew each time. */
  private closeOldest(): void {
    let open = 0;
    let memory = 0;
    for (const module of this.modules.values()) {
      if (!(module instanceof Module)) continue;
      open += module.openFiles;
      memory += module.memory;
    }
    for (const [key, module] of this.modules) {
      const fits = open <= this.maxOpenFiles && memory <= this.maxMemory && this.modules.size <= MAX_MODULES;
      if (fits || this.modules.size === 1) return;
      if (module instanceof Module) {
        open -= module.openFiles;
        memory -= module.memory;
      }
      this.drop(key);
    }
  }

  private drop(key: Key): void {
    const module = this.modules.get(key);
    if (module) for (const problem of problemsOf(module)) this.rememberProblem(problem);
    if (module instanceof Module) module.close();
    this.modules.delete(key);
  }

  private rememberProblem(problem: string): void {
    if (this.oldProblems.size < MAX_PROBLEMS) this.oldProblems.add(problem);
  }
}

function problemsOf(module: Module | LeaklineError): string[] {
  return module instanceof Module ? module.problems : [module.message];
}
