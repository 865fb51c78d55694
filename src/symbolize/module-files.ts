/**
 * The files that answers about one ELF file come from: itself, its separate debug files, split units.
 *
 * Each is opened when it is first needed, and remembered. What is damaged or missing is noted and passed over.
 */

import type { VirtualAddress } from "../base/address.ts";
import { describeError, LeaklineError } from "../base/errors.ts";
import { type Dwarf, openDwarf } from "../dwarf/index.ts";
import {
  type ElfFile,
  type FoundSymbol,
  type FunctionBounds,
  findPltStub,
  functionBounds,
  isInPlt,
  miniDebugInfo,
  type PltStub,
  pltStubs,
  type SymbolIndex,
  symbolIndex,
} from "../elf/index.ts";
import type { FoundFile } from "./debug-files.ts";
import { dwarfInput, isCompressed } from "./debug-sections.ts";
import type { FileProvider } from "./file-provider.ts";
import { OpenFiles } from "./open-files.ts";
import { type DebugFiles, openDebugFiles } from "./separate-files.ts";
import { findSplitFile } from "./split-files.ts";

/** `.dwo` files of one module that are open at once. */
const MAX_SPLIT_FILES = 16;
/** Notes on files that are kept; each is one line. */
const MAX_NOTES = 100;
/** What an open file is counted for: its headers, and the part of it that was read last. */
const BYTES_A_FILE = 1 << 19;

type Sources = {
  /** In the order in which they are asked. */
  symbols: readonly SymbolIndex[];
  dwarf: Dwarf | undefined;
  dwarfFile: string;
};

export class ModuleFiles {
  readonly elf: ElfFile;
  /** As the process sees it. */
  readonly path: string;
  readonly provider: FileProvider;
  /** Which file changed while it was read: from then on there are no answers. */
  changed: string | undefined;
  /** Every file that was opened besides split ones. */
  readonly opened: ElfFile[];
  private readonly notes = new Set<string>();
  private readonly splitFiles = new OpenFiles(MAX_SPLIT_FILES);
  private foundFiles: DebugFiles | undefined;
  private foundSources: Sources | undefined;
  private foundStubs: PltStub[] | undefined;
  private foundBounds: FunctionBounds | undefined;

  constructor(elf: ElfFile, path: string, provider: FileProvider) {
    this.elf = elf;
    this.path = path;
    this.provider = provider;
    this.opened = [elf];
  }

  /** Notes when somebody wrote to a file after it was opened: its parts may not fit together. */
  checkChanges(): void {
    if (this.changed !== undefined) return;
    const written = this.opened.find(({ source }) => source.hasChanged?.())?.source ?? this.splitFiles.changed();
    if (!written) return;
    this.changed = `${written.name}: the file changed while it was read; run again`;
    this.note(this.changed);
  }

  /** What was found damaged or missing so far, for people. */
  get problems(): string[] {
    const damage = this.opened.flatMap((elf) => elf.problems.map((error) => error.message));
    return [...new Set([...damage, ...this.notes])];
  }

  /** Files that it holds open: what a cache of modules counts. */
  get openFiles(): number {
    return this.opened.reduce((sum, elf) => sum + elf.openFiles, this.splitFiles.count);
  }

  /** Whether some of the debug information was found in `.dwo` files. */
  get hasSplitFiles(): boolean {
    return this.splitFiles.count > 0;
  }

  /** Bytes of memory that it takes, about: what a cache of modules counts, too. */
  get memory(): number {
    let bytes = this.openFiles * BYTES_A_FILE + (this.foundSources?.dwarf?.memory ?? 0);
    for (const elf of this.opened) bytes += elf.memory;
    for (const index of this.foundSources?.symbols ?? []) bytes += index.memory;
    return bytes;
  }

  /** Closes its files. What was found so far stays; a module is not to be asked again. */
  close(): void {
    for (const elf of this.opened) elf.close();
    this.splitFiles.close();
  }

  get stubs(): PltStub[] {
    this.foundStubs ??= pltStubs(this.elf);
    return this.foundStubs;
  }

  /** The stub that contains an address. */
  findStub(address: VirtualAddress): PltStub | undefined {
    return isInPlt(this.elf, address) ? findPltStub(this.stubs, address) : undefined;
  }

  get bounds(): FunctionBounds {
    this.foundBounds ??= functionBounds(this.elf);
    return this.foundBounds;
  }

  /** Says for which ascending addresses `findSymbol` will be asked next. */
  expect(addresses: Float64Array): void {
    if (addresses.length === 0) return;
    for (const index of this.sources.symbols) index.expect(addresses);
  }

  /** The symbol that contains an address: the same object for the same symbol as last time. */
  findSymbol(address: VirtualAddress): FoundSymbol | undefined {
    let best: FoundSymbol | undefined;
    for (const index of this.sources.symbols) {
      const found = index.findSymbol(address);
      if (!found) continue;
      // How far a symbol without a size reaches is a guess: one that states its size knows better.
      if (!best || (best.size === 0 && found.size > 0 && found.address >= best.address)) best = found;
      if (best.size > 0) break;
    }
    return best;
  }

  get sources(): Sources {
    this.foundSources ??= this.findSources();
    return this.foundSources;
  }

  private findSources(): Sources {
    const own = this.elf;
    const { debugFile, withDwarf } = this.debugFiles;
    const symbolFiles = [debugFile?.elf, this.miniDebugInfo(), own].filter((elf) => elf !== undefined);
    return {
      symbols: symbolFiles.map(symbolIndex),
      dwarf: withDwarf && this.openDwarf(withDwarf),
      dwarfFile: withDwarf?.elf.name ?? "",
    };
  }

  /** Finding them reads a few headers: enough to know which answers were kept. */
  get debugFiles(): DebugFiles {
    if (!this.foundFiles) {
      this.foundFiles = openDebugFiles(this.provider, this.elf, this.path, this.note);
      const { debugFile, supplementary, package: split } = this.foundFiles;
      for (const elf of [debugFile?.elf, supplementary, split]) if (elf) this.opened.push(elf);
    }
    return this.foundFiles;
  }

  private openDwarf({ elf }: FoundFile): Dwarf {
    const { supplementary, package: split } = this.debugFiles;
    const files = this.splitFiles.limited(this.provider);
    return openDwarf({
      ...dwarfInput(elf),
      // Others would decompress everything once more, and do not look for further files.
      helper: supplementary || split || isCompressed(elf) ? undefined : this.provider.batchHelper?.(elf.source),
      supplementary: supplementary && dwarfInput(supplementary),
      package: split && dwarfInput(split),
      loadSplit: (query) => {
        const found = findSplitFile(files, this.path, query, this.note);
        return found && dwarfInput(found);
      },
    });
  }

  private miniDebugInfo(): ElfFile | undefined {
    try {
      return miniDebugInfo(this.elf);
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      this.note(describeError(error));
      return undefined;
    }
  }

  private readonly note = (message: string): void => {
    if (this.notes.size < MAX_NOTES) this.notes.add(message);
  };
}
