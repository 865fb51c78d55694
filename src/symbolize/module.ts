/**
 * One ELF file and whatever debug information was found for it: from a virtual address to frames.
 *
 * Everything is opened when it is first needed, and remembered. What is damaged is passed over with a reason; the
 * other sources still answer.
 */

import { type FileOffset, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { describeError, LeaklineError } from "../base/errors.ts";
import { demangle } from "../demangle/index.ts";
import {
  type Answer,
  type Answers as AnswerColumns,
  type BriefFrame,
  brief,
  type Dwarf,
  NOT_COVERED,
  openDwarf,
  type SourceFunction,
} from "../dwarf/index.ts";
import { SHF_ALLOC, SHF_EXECINSTR } from "../elf/constants.ts";
import {
  type CodeLayout,
  type ElfFile,
  type FoundSymbol,
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
import { upperBound } from "../elf/upper-bound.ts";
import { answerChanges } from "./answer-changes.ts";
import type { FoundFile } from "./debug-files.ts";
import { dwarfInput, hasSymbols } from "./debug-sections.ts";
import type { FileProvider, KeptAnswers, KeptChain, KeptRange } from "./file-provider.ts";
import type { Frame, ModuleFrame } from "./frame.ts";
import { chooseName, demangleStub, type FileSymbol, type FunctionName } from "./function-name.ts";
import { OpenFiles } from "./open-files.ts";
import { type DebugFiles, openDebugFiles } from "./separate-files.ts";
import { findSplitFile } from "./split-files.ts";

export type { ModuleFrame };

/** `.dwo` files of one module that are open at once. */
const MAX_SPLIT_FILES = 16;
/** Notes on files that are kept; each is one line. */
const MAX_NOTES = 100;
/** Ranges of a whole file that are looked up together: enough that units are read once, few enough for memory. */
const RANGES_AT_ONCE = 1 << 15;
/** Of a batch, answers after which it is asked again whether somebody wrote to the files. */
const CHECK_CHANGES_EVERY = 1 << 10;
/** What an open file is counted for: its headers, and the part of it that was read last. */
const BYTES_A_FILE = 1 << 19;

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
  /** Which file changed while it was read: from then on there are no answers. */
  private changed: string | undefined;
  /** Every file that was opened besides split ones. */
  private readonly opened: ElfFile[];
  private readonly splitFiles = new OpenFiles(MAX_SPLIT_FILES);
  private foundFiles: DebugFiles | undefined;
  private foundSources: Sources | undefined;
  private foundKept: KeptAnswers | undefined | null;
  private foundStubs: PltStub[] | undefined;
  private foundBounds: FunctionBounds | undefined;
  private lastSymbol: { found: FoundSymbol; symbol: FileSymbol } | undefined;
  /** Demangled names of the batch at hand. */
  private shownNames: Map<string, string> | undefined;

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
    return this.kept?.look([address], isReturnAddress).frames(0) ?? this.resolve(address, isReturnAddress);
  }

  /** As `find` for many addresses, each unit of debug information read once. @returns one answer each, in their order. */
  findAll(addresses: readonly VirtualAddress[], isReturnAddress: boolean): ModuleFrame[][] {
    const answers: ModuleFrame[][] = [];
    this.findEach(addresses, isReturnAddress, (frames) => answers.push(frames));
    return this.changed === undefined ? answers : addresses.map((address) => this.unknown(address, isReturnAddress));
  }

  /**
   * As `findAll`, with one answer at a time in memory.
   *
   * @param take is given the frames of each address, in the order of the addresses.
   * @param takeKept is given those that were kept, first: when it returns true, `take` is not.
   */
  findEach(
    addresses: readonly VirtualAddress[],
    isReturnAddress: boolean,
    take: (frames: ModuleFrame[], index: number) => void,
    takeKept?: (chain: KeptChain, index: number) => boolean,
  ): void {
    const kept = this.kept?.look(addresses, isReturnAddress);
    const missing = kept ? addresses.filter((_, i) => !kept.has(i)) : addresses;
    const wanted = distinct(missing.map((address) => lookupAddress(address, isReturnAddress)));
    const answers = wanted.length > 0 ? this.sources.dwarf?.answerAll(wanted) : undefined;
    this.shownNames = new Map();
    try {
      const names = this.namesOf(wanted, answers);
      for (const [index, address] of addresses.entries()) {
        if (kept?.has(index)) {
          if (takeKept && kept.pass(index, (chain) => takeKept(chain, index))) continue;
          // Without frames, the index turned out to be damaged on the way.
          take(kept.frames(index) ?? this.resolve(address, isReturnAddress), index);
          continue;
        }
        if (index % CHECK_CHANGES_EVERY === 0) this.checkChanges();
        const i = upperBound(wanted, lookupAddress(address, isReturnAddress)) - 1;
        take(this.answer(address, isReturnAddress, answers?.at(i) ?? NOTHING_FOUND, names[i]), index);
      }
      if (wanted.length > 0) this.checkChanges();
    } finally {
      this.shownNames = undefined;
    }
  }

  /**
   * Looks up all the code there is and keeps it, so that later runs find any address without debug information.
   *
   * @throws LeaklineError `unsupported` when answers are not kept for this file, and why it could not be read or written.
   */
  keepWhole(): void {
    const { kept } = this;
    if (!kept)
      throw new LeaklineError("unsupported", `${this.path}: no index can be kept`, {
        hint: "it needs a build ID, and a folder that only you can write to: --verbose says more",
      });
    if (this.layout)
      throw new LeaklineError("unsupported", `${this.path}: is not linked, so it has no addresses to index`);
    kept.keepWhole(this.allRanges());
  }

  /** The frames from the files themselves. */
  private resolve(address: VirtualAddress, isReturnAddress: boolean): ModuleFrame[] {
    const wanted = lookupAddress(address, isReturnAddress);
    const found = this.sources.dwarf?.find(wanted);
    const answer = found ? brief(found) : NOTHING_FOUND;
    const symbol = this.findSymbol(wanted);
    const name = chooseName(wanted, answer.code, this.sources.dwarfFile, symbol, this.demangle);
    this.checkChanges();
    return this.answer(address, isReturnAddress, answer, name);
  }

  /** Frames from what was found, kept for the next run. */
  private answer(
    address: VirtualAddress,
    isReturnAddress: boolean,
    found: Answer,
    name: FunctionName | undefined,
  ): ModuleFrame[] {
    if (this.changed !== undefined) return this.unknown(address, isReturnAddress);
    const frames = this.framesAt(address, lookupAddress(address, isReturnAddress), found, name);
    if (this.kept && this.isLasting(found)) this.kept.keep(address, isReturnAddress, frames);
    return frames;
  }

  /** Whether it will be the same tomorrow: what could not be read or found may be there then. */
  private isLasting({ frames, reason }: Answer): boolean {
    if (reason !== undefined && (frames.length > 0 || reason !== NOT_COVERED)) return false;
    // There may be thousands, found unit by unit: what answers are known by does not tell whether one has changed.
    if (this.splitFiles.count > 0) return false;
    return !this.opened.some(({ problems }) => problems.some(({ code }) => code === "io"));
  }

  /** All answers that last. */
  private *allRanges(): Generator<KeptRange> {
    const { dwarf, symbols } = this.sources;
    const symbolTables = symbols.map(({ index }) => index);
    const changes = answerChanges(this.elf, symbolTables, this.stubs, this.bounds, dwarf?.answerChanges());
    if (this.splitFiles.count > 0)
      throw new LeaklineError("unsupported", `${this.path}: its debug information is in .dwo files, which may change`, {
        hint: "dwp or llvm-dwp make one file of them, which can be indexed",
      });
    for (let at = 0; at < changes.length - 1; at += RANGES_AT_ONCE) {
      const begins = changes.slice(at, Math.min(at + RANGES_AT_ONCE, changes.length - 1));
      const answers = dwarf?.answerAll(begins);
      this.shownNames = new Map();
      const names = this.namesOf(begins, answers);
      for (let i = 0; i < begins.length; i++) {
        const found = answers?.at(i) ?? NOTHING_FOUND;
        const begin = virtualAddress(begins[i]);
        if (this.isLasting(found))
          yield { begin, end: changes[at + i + 1], frames: this.framesAt(begin, begin, found, names[i]) };
      }
      this.shownNames = undefined;
      this.checkChanges();
      if (this.changed !== undefined) throw new LeaklineError("mismatch", this.changed);
    }
  }

  /** Notes when somebody wrote to a file after it was opened: its parts may not fit together. */
  private checkChanges(): void {
    if (this.changed !== undefined) return;
    const written = this.opened.find(({ source }) => source.hasChanged?.())?.source ?? this.splitFiles.changed();
    if (!written) return;
    this.changed = `${written.name}: the file changed while it was read; run again`;
    this.note(this.changed);
  }

  private unknown(address: VirtualAddress, isReturnAddress: boolean): ModuleFrame[] {
    const place = this.placeOf(address, lookupAddress(address, isReturnAddress));
    return [{ inlined: false, ...place, reason: this.changed }];
  }

  /**
   * The function of each address. In their order, names that lie side by side in the file are read together, and most
   * addresses have the function of the one before.
   */
  private namesOf(addresses: Float64Array, answers: AnswerColumns | undefined): (FunctionName | undefined)[] {
    const names: (FunctionName | undefined)[] = [];
    let code: SourceFunction | undefined;
    let symbol: FileSymbol | undefined;
    let name: FunctionName | undefined;
    let end = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < addresses.length; i++) {
      const at = virtualAddress(addresses[i]);
      const lastCode = code;
      const lastSymbol = symbol;
      code = answers?.codeAt(i);
      symbol = this.findSymbol(at);
      if (i === 0 || code !== lastCode || symbol !== lastSymbol || at >= end) {
        name = chooseName(at, code, this.sources.dwarfFile, symbol, this.demangle);
        end = code?.ranges.find((range) => range.begin <= at && at < range.end)?.end ?? Number.NEGATIVE_INFINITY;
      }
      names.push(name);
    }
    return names;
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
    return this.opened.reduce((sum, elf) => sum + elf.openFiles, this.splitFiles.count);
  }

  /** Bytes of memory that it takes, about: what a cache of modules counts, too. */
  get memory(): number {
    let bytes = this.openFiles * BYTES_A_FILE + (this.foundSources?.dwarf?.memory ?? 0);
    for (const elf of this.opened) bytes += elf.memory;
    for (const { index } of this.foundSources?.symbols ?? []) bytes += index.memory;
    return bytes;
  }

  /** Closes its files. What was found so far stays; a module is not to be asked again. */
  close(): void {
    for (const elf of this.opened) elf.close();
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

  private framesAt(
    address: VirtualAddress,
    wanted: VirtualAddress,
    { frames, reason }: Answer,
    name: FunctionName | undefined,
  ): ModuleFrame[] {
    const { dwarfFile } = this.sources;
    const place = this.placeOf(address, wanted);
    const all: ModuleFrame[] = [];
    const last = frames.length - 1;
    for (let i = 0; i < last; i++) {
      const { name: inlined } = frames[i];
      const frame: ModuleFrame =
        inlined === undefined
          ? { inlined: true }
          : { symbol: this.demangle(inlined), symbolSource: `${dwarfFile} .debug_info`, inlined: true };
      // The innermost place comes from the line table, the others from the calls.
      this.locate(frame, frames[i], i === 0 ? ".debug_line" : ".debug_info");
      all.push(Object.assign(frame, place));
    }
    const frame: ModuleFrame = { inlined: false };
    if (last >= 0) this.locate(frame, frames[last], last > 0 ? ".debug_info" : ".debug_line");
    Object.assign(frame, place);
    if (name) {
      frame.symbol = name.symbol;
      frame.offset = address - name.start;
      if (name.size > 0) frame.size = name.size;
      if (name.aliases.length > 0) frame.aliases = name.aliases;
      frame.symbolSource = name.source;
    } else this.nameOtherwise(frame, address, wanted);
    const why = this.whyIncomplete(frame, wanted, reason);
    if (why !== undefined) frame.reason = why;
    all.push(frame);
    return all;
  }

  private locate(frame: ModuleFrame, { file, line, column }: BriefFrame, table: string): void {
    if (file !== undefined) frame.file = file;
    if (line !== undefined) frame.line = line;
    if (column !== undefined) frame.column = column;
    if (file !== undefined || line !== undefined) frame.lineSource = `${this.sources.dwarfFile} ${table}`;
  }

  /** In a batch, most names are asked for again and again; to demangle one takes longer than all else of its frame. */
  private readonly demangle = (name: string): string => {
    if (!this.shownNames) return demangle(name);
    let shown = this.shownNames.get(name);
    if (shown === undefined) {
      shown = demangle(name);
      this.shownNames.set(name, shown);
    }
    return shown;
  };

  /** A PLT stub's name, or at least the bounds of a function whose name was stripped. */
  private nameOtherwise(frame: ModuleFrame, address: VirtualAddress, wanted: VirtualAddress): void {
    const stub = findPltStub(this.stubs, wanted);
    if (stub) {
      frame.symbol = demangleStub(stub.name, this.demangle);
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
      if (!best || (best.size === 0 && found.size > 0 && found.address >= best.address))
        best = this.withFile(found, file);
      if (best.size > 0) break;
    }
    return best;
  }

  /** The same object for the same symbol as last time. */
  private withFile(found: FoundSymbol, file: string): FileSymbol {
    if (this.lastSymbol?.found !== found) this.lastSymbol = { found, symbol: { ...found, file } };
    return this.lastSymbol.symbol;
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
    if (!this.foundFiles) {
      this.foundFiles = openDebugFiles(this.files, this.elf, this.path, this.note);
      const { debugFile, supplementary, package: split } = this.foundFiles;
      for (const elf of [debugFile?.elf, supplementary, split]) if (elf) this.opened.push(elf);
    }
    return this.foundFiles;
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

  private readonly note = (message: string): void => {
    if (this.notes.size < MAX_NOTES) this.notes.add(message);
  };
}

function lookupAddress(address: VirtualAddress, isReturnAddress: boolean): VirtualAddress {
  return isReturnAddress ? virtualAddress(address - 1) : address;
}

const NOTHING_FOUND: Answer = { frames: [], code: undefined, reason: undefined };

/** Sorted, each once. */
function distinct(addresses: readonly number[]): Float64Array {
  const sorted = Float64Array.from(addresses).sort();
  return sorted.filter((address, i) => i === 0 || address !== sorted[i - 1]);
}
