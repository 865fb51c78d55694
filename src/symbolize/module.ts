/**
 * One ELF file and whatever debug information was found for it: from a virtual address to frames.
 *
 * Everything is opened when it is first needed, and remembered. What is damaged is passed over with a reason; the
 * other sources still answer.
 */

import { type FileOffset, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { describeError, LeaklineError } from "../base/errors.ts";
import { demangle } from "../demangle/index.ts";
import { Float64List } from "../dwarf/growable.ts";
import { type Dwarf, type Found, NOT_COVERED, openDwarf, type SourceFrame } from "../dwarf/index.ts";
import { SHF_ALLOC, SHF_EXECINSTR } from "../elf/constants.ts";
import {
  type CodeLayout,
  type ElfFile,
  type FunctionBounds,
  fileOffsetToVirtual,
  findBounds,
  findPltStub,
  functionBounds,
  layOutCode,
  miniDebugInfo,
  type PltStub,
  pltStubs,
  type SymbolIndex,
  symbolIndex,
} from "../elf/index.ts";
import { type FoundFile, findDebugFile, findSupplementaryFile } from "./debug-files.ts";
import { dwarfInput, hasBytes, hasDwarf, hasSymbols } from "./debug-sections.ts";
import type { FileProvider, KeptAnswers, KeptRange } from "./file-provider.ts";
import type { Frame, ModuleFrame } from "./frame.ts";
import { chooseName, demangleStub, type FileSymbol } from "./function-name.ts";
import { OpenFiles } from "./open-files.ts";
import { findPackage, findSplitFile } from "./split-files.ts";

export type { ModuleFrame };

/** `.dwo` files of one module that are open at once. */
const MAX_SPLIT_FILES = 16;
/** Notes on files that are kept; each is one line. */
const MAX_NOTES = 100;
/** Ranges of a whole file that are looked up together: enough that units are read once, few enough for memory. */
const RANGES_AT_ONCE = 1 << 15;

/** Separate files, opened but not read. */
type DebugFiles = {
  debugFile: FoundFile | undefined;
  withDwarf: FoundFile | undefined;
  supplementary: ElfFile | undefined;
  package: ElfFile | undefined;
};

type Sources = {
  /** In the order in which they are asked. */
  symbols: readonly { index: SymbolIndex; file: string }[];
  dwarf: Dwarf | undefined;
  dwarfFile: string;
};

export class Module {
  readonly elf: ElfFile;
  /** As the process sees it. */
  readonly path: string;
  private readonly files: FileProvider;
  private readonly layout: CodeLayout | undefined;
  private readonly notes = new Set<string>();
  /** Every file that was opened besides split ones. */
  private readonly opened: ElfFile[];
  private readonly splitFiles = new OpenFiles(MAX_SPLIT_FILES);
  private foundFiles: DebugFiles | undefined;
  private foundSources: Sources | undefined;
  private foundKept: KeptAnswers | undefined | null;
  private foundStubs: PltStub[] | undefined;
  private foundBounds: FunctionBounds | undefined;

  constructor(elf: ElfFile, path: string, files: FileProvider) {
    this.elf = elf;
    this.path = path;
    this.files = files;
    this.layout = layOutCode(elf);
    this.opened = [elf];
  }

  /**
   * The frames at a virtual address, innermost first; at least one, with a reason when it has no symbol. In a
   * relocatable file, whose sections have no addresses, ask for what `sectionAddress` gives.
   *
   * @param isReturnAddress look up the instruction before it, the call: the one behind the call may belong to another
   *   line, and after a call that never returns, to another function. Offsets still count to `address` itself.
   */
  find(address: VirtualAddress, isReturnAddress: boolean): ModuleFrame[] {
    const [kept] = this.kept?.find([address], isReturnAddress) ?? [];
    if (kept) return kept;
    return this.resolve([address], isReturnAddress)[0];
  }

  /** As `find` for many addresses, each unit of debug information read once. @returns one answer each, in their order. */
  findAll(addresses: readonly VirtualAddress[], isReturnAddress: boolean): ModuleFrame[][] {
    const answers = this.kept?.find(addresses, isReturnAddress);
    if (!answers) return this.resolve(addresses, isReturnAddress);
    const missing = addresses.filter((_, i) => !answers[i]);
    const resolved = this.resolve(missing, isReturnAddress);
    let next = 0;
    return answers.map((frames) => frames ?? resolved[next++]);
  }

  /**
   * Looks up all the code there is and keeps it, so that later runs find any address without debug information.
   *
   * @throws LeaklineError `unsupported` when answers are not kept for this file, and why it could not be read or written.
   */
  keepWhole(): void {
    const { kept } = this;
    if (!kept) {
      throw new LeaklineError("unsupported", `${this.path}: no index can be kept`, {
        hint: "it needs a build ID, and a folder that only you can write to: --verbose says more",
      });
    }
    if (this.layout)
      throw new LeaklineError("unsupported", `${this.path}: is not linked, so it has no addresses to index`);
    kept.keepWhole(this.allRanges());
    const changed = this.changedFile();
    if (changed !== undefined) throw new LeaklineError("mismatch", `${changed}: the file changed while it was read`);
  }

  /** Its debug information, and the file that has it; undefined when none was found. */
  get debugInformation(): { dwarf: Dwarf; file: string } | undefined {
    const { dwarf, dwarfFile } = this.sources;
    return dwarf && { dwarf, file: dwarfFile };
  }

  /** The virtual address that a file offset is loaded at; undefined when no segment loads it. */
  virtualAddress(offset: number): VirtualAddress | undefined {
    if (this.layout) {
      const section = this.elf.sections.find(
        (candidate) =>
          candidate.flags & SHF_EXECINSTR && offset >= candidate.offset && offset - candidate.offset < candidate.size,
      );
      return section && virtualAddress(this.layout.base(section) + offset - section.offset);
    }
    return fileOffsetToVirtual(this.elf.segments, offset as FileOffset);
  }

  /**
   * The address of an offset into a section, which `find` takes; undefined when the section is shorter.
   *
   * @throws LeaklineError `not-found` when the file has no such section, or in a relocatable file no code in it.
   */
  sectionAddress(name: string, offset: number): VirtualAddress | undefined {
    const section = this.elf.section(name);
    const isCode = section !== undefined && (section.flags & SHF_EXECINSTR) !== 0;
    if (!section || (this.layout && !isCode)) {
      const what = section ? "is not code" : "no such section";
      throw new LeaklineError("not-found", `${this.elf.name}: ${name}: ${what}`, { hint: "readelf -S lists them" });
    }
    // The end belongs to it: a call that never returns may be the last instruction.
    if (!(offset >= 0 && offset <= section.size)) return undefined;
    return virtualAddress((this.layout ? this.layout.base(section) : section.address) + offset);
  }

  /** What was found damaged or missing so far, for people. */
  get problems(): string[] {
    const damage = this.opened.flatMap((elf) => elf.problems.map((error) => error.message));
    return [...new Set([...damage, ...this.notes])];
  }

  /** Files that it holds open: what a cache of modules counts. */
  get openFiles(): number {
    return this.opened.length + this.splitFiles.count;
  }

  /** Closes its files. What was found so far stays; a module is not to be asked again. */
  close(): void {
    for (const elf of this.opened) elf.source.close?.();
    this.splitFiles.close();
  }

  /** The answers of earlier runs for exactly these files; undefined when one of them has nothing to tell it by. */
  private get kept(): KeptAnswers | undefined {
    if (this.foundKept === undefined) {
      void this.debugFiles; // opens them: they identify an answer too, and their names stand in it
      const identities = this.opened.map(({ name, source }) => source.identity && `${name}\0${source.identity}`);
      const isKnown = this.elf.buildId !== undefined && identities.every((identity) => identity !== undefined);
      this.foundKept = (isKnown && this.files.keptAnswers?.([this.elf.buildId, ...identities].join("\n"))) || null;
    }
    return this.foundKept ?? undefined;
  }

  /** The frames from the files themselves, kept for the next run. */
  private resolve(addresses: readonly VirtualAddress[], isReturnAddress: boolean): ModuleFrame[][] {
    if (addresses.length === 0) return [];
    const wanted = addresses.map((address) => lookupAddress(address, isReturnAddress));
    const found = this.sources.dwarf?.findAll(wanted);
    const answers = addresses.map((address, i) => this.framesAt(address, wanted[i], found?.[i] ?? NOTHING_FOUND));
    const changed = this.changedFile();
    if (changed !== undefined) {
      const reason = `${changed}: the file changed while it was read; run again`;
      return addresses.map((address, i) => [{ inlined: false, ...this.placeOf(address, wanted[i]), reason }]);
    }
    const { kept } = this;
    // What could not be read today may be there tomorrow. That there is nothing to be found stays true.
    if (kept && !this.opened.some(({ problems }) => problems.some(({ code }) => code === "io")))
      for (const [i, frames] of answers.entries())
        if (isLasting(found?.[i] ?? NOTHING_FOUND)) kept.keep(addresses[i], isReturnAddress, frames);
    return answers;
  }

  /** All answers that last. */
  private *allRanges(): Generator<KeptRange> {
    const changes = this.answerChanges();
    for (let at = 0; at < changes.length - 1; at += RANGES_AT_ONCE) {
      const begins = [...changes.subarray(at, Math.min(at + RANGES_AT_ONCE, changes.length - 1))].map(virtualAddress);
      const found = this.sources.dwarf?.findAll(begins);
      for (const [i, begin] of begins.entries()) {
        const one = found?.[i] ?? NOTHING_FOUND;
        if (isLasting(one)) yield { begin, end: changes[at + i + 1], frames: this.framesAt(begin, begin, one) };
      }
    }
  }

  /** Ascending, each once, from the lowest number to the highest. */
  private answerChanges(): Float64Array {
    const { dwarf, symbols } = this.sources;
    const { sections, segments } = this.elf;
    const all = dwarf?.answerChanges() ?? new Float64List();
    for (const { index } of symbols) for (const address of index.changes()) all.push(address);
    for (const { address, size } of [...sections, ...this.stubs]) pushBoth(all, address, address + size);
    for (const { address, memorySize } of segments) pushBoth(all, address, address + memorySize);
    const { starts, ends } = this.bounds;
    for (const [i, start] of starts.entries()) pushBoth(all, start, ends[i]);
    pushBoth(all, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    const sorted = all.values.subarray(0, all.length).sort();
    let count = 0;
    for (const address of sorted)
      if (Number.isSafeInteger(address) && (count === 0 || address !== sorted[count - 1])) sorted[count++] = address;
    return sorted.subarray(0, count);
  }

  /** A file whose parts may not fit together: somebody wrote to it after it was opened. */
  private changedFile(): string | undefined {
    for (const { source } of this.opened) if (source.hasChanged?.()) return source.name;
    return this.splitFiles.changed()?.name;
  }

  private framesAt(address: VirtualAddress, wanted: VirtualAddress, { frames, reason }: Found): ModuleFrame[] {
    const { dwarfFile } = this.sources;
    const place = this.placeOf(address, wanted);
    const outermost = frames.at(-1);
    const inlined: ModuleFrame[] = frames.slice(0, -1).map((frame, i) => ({
      ...nameOf(frame, dwarfFile),
      // The innermost place comes from the line table, the others from the calls.
      ...locationOf(frame, `${dwarfFile} ${i === 0 ? ".debug_line" : ".debug_info"}`),
      inlined: true,
      ...place,
    }));
    const table = frames.length > 1 ? ".debug_info" : ".debug_line";
    const last: ModuleFrame = { ...locationOf(outermost, `${dwarfFile} ${table}`), inlined: false, ...place };
    const name = chooseName(wanted, outermost?.function, dwarfFile, this.findSymbol(wanted));
    if (name) {
      last.symbol = name.symbol;
      last.offset = address - name.start;
      if (name.size > 0) last.size = name.size;
      if (name.aliases.length > 0) last.aliases = name.aliases;
      last.symbolSource = name.source;
    } else this.nameOtherwise(last, address, wanted);
    const why = this.whyIncomplete(last, wanted, reason);
    if (why !== undefined) last.reason = why;
    return [...inlined, last];
  }

  /** A PLT stub's name, or at least the bounds of a function whose name was stripped. */
  private nameOtherwise(frame: ModuleFrame, address: VirtualAddress, wanted: VirtualAddress): void {
    const stub = findPltStub(this.stubs, wanted);
    if (stub) {
      frame.symbol = demangleStub(stub.name);
      frame.offset = address - stub.address;
      frame.size = stub.size;
      frame.symbolSource = `${this.elf.name} .plt`;
      return;
    }
    const bounds = findBounds(this.bounds, wanted);
    if (!bounds) return;
    frame.offset = address - bounds.start;
    frame.size = bounds.end - bounds.start;
    frame.symbolSource = `${this.elf.name} .eh_frame`;
  }

  private whyIncomplete(frame: ModuleFrame, wanted: VirtualAddress, reason: string | undefined): string | undefined {
    const { dwarf, symbols } = this.sources;
    const { debugFile } = this.debugFiles;
    if (frame.symbol === undefined) {
      const elsewhere = frame.offset === undefined ? this.whyNoCode(wanted) : undefined;
      if (elsewhere !== undefined) return elsewhere;
      const stripped = !hasSymbols(this.elf) && !debugFile && symbols.length < 2;
      const why = stripped ? "stripped: no symbol covers it" : "no symbol covers it";
      return reason === undefined ? why : `${why}; ${reason}`;
    }
    if (reason !== undefined || frame.line !== undefined) return reason;
    return dwarf ? "no line is recorded for it" : "no debug information: compiled without -g, or stripped";
  }

  /** Why there cannot be a function at an address. */
  private whyNoCode(address: VirtualAddress): string | undefined {
    if (this.layout) return this.layout.locate(address) ? undefined : "in no section with code";
    const section = this.elf.sections.find(
      (candidate) =>
        candidate.flags & SHF_ALLOC && address >= candidate.address && address - candidate.address < candidate.size,
    );
    if (section) return section.flags & SHF_EXECINSTR ? undefined : `in ${section.name}, which is not code`;
    const inSegment = this.elf.segments.some(
      (segment) => address >= segment.address && address - segment.address < segment.memorySize,
    );
    return inSegment ? undefined : "in no loaded segment";
  }

  /** Where the address is, as people and other tools say it. */
  private placeOf(address: VirtualAddress, wanted: VirtualAddress): Pick<Frame, "moduleAddress" | "section"> {
    if (!this.layout) return { moduleAddress: address };
    const found = this.layout.locate(wanted);
    return found ? { moduleAddress: found.offset + (address - wanted), section: found.section.name } : {};
  }

  private get stubs(): PltStub[] {
    this.foundStubs ??= pltStubs(this.elf);
    return this.foundStubs;
  }

  private get bounds(): FunctionBounds {
    this.foundBounds ??= functionBounds(this.elf);
    return this.foundBounds;
  }

  private findSymbol(address: VirtualAddress): FileSymbol | undefined {
    let best: FileSymbol | undefined;
    for (const { index, file } of this.sources.symbols) {
      const found = index.findSymbol(address);
      if (!found) continue;
      // How far a symbol without a size reaches is a guess: one that states its size knows better.
      if (!best || (best.size === 0 && found.size > 0 && found.address >= best.address)) best = { ...found, file };
      if (best.size > 0) break;
    }
    return best;
  }

  private get sources(): Sources {
    this.foundSources ??= this.findSources();
    return this.foundSources;
  }

  private findSources(): Sources {
    const own = this.elf;
    const { debugFile, withDwarf } = this.debugFiles;
    const symbolFiles = [debugFile?.elf, this.miniDebugInfo(), own].filter((elf) => elf !== undefined);
    return {
      symbols: symbolFiles.map((elf) => ({ index: symbolIndex(elf), file: elf.name })),
      dwarf: withDwarf && this.openDwarf(withDwarf),
      dwarfFile: withDwarf?.elf.name ?? "",
    };
  }

  /** Finding them reads a few headers: enough to know which answers were kept. */
  private get debugFiles(): DebugFiles {
    this.foundFiles ??= this.findDebugFiles();
    return this.foundFiles;
  }

  private findDebugFiles(): DebugFiles {
    const own = this.elf;
    const debugFile = hasDwarf(own) ? undefined : this.keep(findDebugFile(this.files, own, this.path, this.note));
    const mayHaveDwarf = hasDwarf(own) ? { elf: own, path: this.path } : debugFile;
    const withDwarf = mayHaveDwarf && hasDwarf(mayHaveDwarf.elf) ? mayHaveDwarf : undefined;
    const supplementary = withDwarf && findSupplementaryFile(this.files, withDwarf, this.note);
    if (supplementary) this.opened.push(supplementary);
    // Split units need .debug_addr, in GNU's form of DWARF 4 too: without it, nobody has to look for them.
    const split =
      withDwarf && hasBytes(withDwarf.elf, ".debug_addr")
        ? findPackage(this.files, [this.path, withDwarf.path], this.elf.buildId, this.note)
        : undefined;
    if (split) this.opened.push(split);
    return { debugFile, withDwarf, supplementary, package: split };
  }

  private openDwarf({ elf }: FoundFile): Dwarf {
    const { supplementary, package: split } = this.debugFiles;
    const files = this.splitFiles.limited(this.files);
    return openDwarf({
      ...dwarfInput(elf),
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

  private keep(found: FoundFile | undefined): FoundFile | undefined {
    if (found) this.opened.push(found.elf);
    return found;
  }

  private readonly note = (message: string): void => {
    if (this.notes.size < MAX_NOTES) this.notes.add(message);
  };
}

function pushBoth(list: Float64List, begin: number, end: number): void {
  list.push(begin);
  list.push(end);
}

function isLasting({ frames, reason }: Found): boolean {
  return reason === undefined || (frames.length === 0 && reason === NOT_COVERED);
}

function lookupAddress(address: VirtualAddress, isReturnAddress: boolean): VirtualAddress {
  return isReturnAddress ? virtualAddress(address - 1) : address;
}

function nameOf({ function: code }: SourceFrame, dwarfFile: string): Pick<Frame, "symbol" | "symbolSource"> {
  return code?.name === undefined ? {} : { symbol: demangle(code.name), symbolSource: `${dwarfFile} .debug_info` };
}

function locationOf(
  frame: SourceFrame | undefined,
  source: string,
): Pick<Frame, "file" | "line" | "column" | "lineSource"> {
  const location: Pick<Frame, "file" | "line" | "column" | "lineSource"> = {};
  if (frame?.file !== undefined) location.file = frame.file;
  if (frame?.line !== undefined) location.line = frame.line;
  if (frame?.column !== undefined) location.column = frame.column;
  if (location.file !== undefined || location.line !== undefined) location.lineSource = source;
  return location;
}

const NOTHING_FOUND: Found = { frames: [], reason: undefined };
