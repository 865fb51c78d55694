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
import { type FoundFile, findDebugFile, findSupplementaryFile } from "./debug-files.ts";
import { dwarfInput, hasBytes, hasDwarf, hasSymbols } from "./debug-sections.ts";
import type { FileProvider, KeptAnswers } from "./file-provider.ts";
import type { Frame, ModuleFrame } from "./frame.ts";
import { chooseName, demangleStub, type FileSymbol, type FunctionName } from "./function-name.ts";
import { OpenFiles } from "./open-files.ts";
import { findPackage, findSplitFile } from "./split-files.ts";

export type { ModuleFrame };

/** `.dwo` files of one module that are open at once. */
const MAX_SPLIT_FILES = 16;
/** Notes on files that are kept; each is one line. */
const MAX_NOTES = 100;
/** What an open file is counted for: its headers, and the part of it that was read last. */
const BYTES_A_FILE = 1 << 19;

type Sources = {
  debugFile: FoundFile | undefined;
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
    const kept = this.kept?.get(address, isReturnAddress);
    if (kept) return kept;
    const wanted = lookupAddress(address, isReturnAddress);
    const found = this.sources.dwarf?.find(wanted);
    const answer = found ? brief(found) : NOTHING_FOUND;
    const symbol = this.findSymbol(wanted);
    const name = chooseName(wanted, answer.code, this.sources.dwarfFile, symbol, this.demangle);
    const frames = this.framesAt(address, wanted, answer, name);
    this.remember(address, isReturnAddress, frames);
    return frames;
  }

  /** As `find` for many addresses, each unit of debug information read once. @returns one answer each, in their order. */
  findAll(addresses: readonly VirtualAddress[], isReturnAddress: boolean): ModuleFrame[][] {
    const answers: ModuleFrame[][] = [];
    this.findEach(addresses, isReturnAddress, (frames) => answers.push(frames));
    return answers;
  }

  /**
   * As `findAll`, with one answer at a time in memory.
   *
   * @param take is given the frames of each address, in the order of the addresses.
   */
  findEach(
    addresses: readonly VirtualAddress[],
    isReturnAddress: boolean,
    take: (frames: ModuleFrame[], index: number) => void,
  ): void {
    const kept = addresses.map((address) => this.kept?.get(address, isReturnAddress));
    const wanted = distinct(addresses.filter((_, i) => !kept[i]).map((it) => lookupAddress(it, isReturnAddress)));
    const answers = wanted.length > 0 ? this.sources.dwarf?.answerAll(wanted) : undefined;
    this.shownNames = new Map();
    try {
      const names = this.namesOf(wanted, answers);
      for (const [index, address] of addresses.entries()) {
        let frames = kept[index];
        if (!frames) {
          const at = lookupAddress(address, isReturnAddress);
          const i = upperBound(wanted, at) - 1;
          frames = this.framesAt(address, at, answers?.at(i) ?? NOTHING_FOUND, names[i]);
          this.remember(address, isReturnAddress, frames);
        }
        take(frames, index);
      }
    } finally {
      this.shownNames = undefined;
    }
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
    return this.opened.length + this.splitFiles.count;
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
    for (const elf of this.opened) elf.source.close?.();
    this.splitFiles.close();
  }

  /** The answers of earlier runs for exactly these files; undefined when one of them has nothing to tell it by. */
  private get kept(): KeptAnswers | undefined {
    if (this.foundKept === undefined) {
      void this.sources; // opens the debug files: they identify an answer too
      const identities = this.opened.map((elf) => elf.source.identity);
      const isKnown = this.elf.buildId !== undefined && identities.every((identity) => identity !== undefined);
      this.foundKept =
        (isKnown && this.files.keptAnswers?.([this.elf.name, this.elf.buildId, ...identities].join("\n"))) || null;
    }
    return this.foundKept ?? undefined;
  }

  /** Only what is complete: what is missing today may be there tomorrow. */
  private remember(address: VirtualAddress, isReturnAddress: boolean, frames: ModuleFrame[]): void {
    const isComplete = frames.every(({ symbol, line, reason }) => symbol && line && reason === undefined);
    if (isComplete) this.kept?.put(address, isReturnAddress, frames);
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
    this.foundStubs ??= pltStubs(this.elf);
    const stub = findPltStub(this.foundStubs, wanted);
    if (stub) {
      frame.symbol = demangleStub(stub.name, this.demangle);
      frame.offset = address - stub.address;
      frame.size = stub.size;
      frame.symbolSource = `${this.elf.name} .plt`;
      return;
    }
    this.foundBounds ??= functionBounds(this.elf);
    const bounds = findBounds(this.foundBounds, wanted);
    if (!bounds) return;
    frame.offset = address - bounds.start;
    frame.size = bounds.end - bounds.start;
    frame.symbolSource = `${this.elf.name} .eh_frame`;
  }

  private whyIncomplete(frame: ModuleFrame, wanted: VirtualAddress, reason: string | undefined): string | undefined {
    const { dwarf, symbols, debugFile } = this.sources;
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
    const debugFile = hasDwarf(own) ? undefined : this.keep(findDebugFile(this.files, own, this.path, this.note));
    const withDwarf = hasDwarf(own) ? { elf: own, path: this.path } : debugFile;
    const symbolFiles = [debugFile?.elf, this.miniDebugInfo(), own].filter((elf) => elf !== undefined);
    const dwarf = withDwarf && hasDwarf(withDwarf.elf) ? this.openDwarf(withDwarf) : undefined;
    return {
      debugFile,
      symbols: symbolFiles.map((elf) => ({ index: symbolIndex(elf), file: elf.name })),
      dwarf,
      dwarfFile: withDwarf?.elf.name ?? "",
    };
  }

  private openDwarf(file: FoundFile): Dwarf {
    const { elf } = file;
    const supplementary = findSupplementaryFile(this.files, file, this.note);
    if (supplementary) this.opened.push(supplementary);
    // Split units need .debug_addr, in GNU's form of DWARF 4 too: without it, nobody has to look for them.
    const split = hasBytes(elf, ".debug_addr")
      ? findPackage(this.files, [this.path, file.path], this.elf.buildId, this.note)
      : undefined;
    if (split) this.opened.push(split);
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

function lookupAddress(address: VirtualAddress, isReturnAddress: boolean): VirtualAddress {
  return isReturnAddress ? virtualAddress(address - 1) : address;
}

const NOTHING_FOUND: Answer = { frames: [], code: undefined, reason: undefined };

/** Sorted, each once. */
function distinct(addresses: readonly number[]): Float64Array {
  const sorted = Float64Array.from(addresses).sort();
  return sorted.filter((address, i) => i === 0 || address !== sorted[i - 1]);
}
