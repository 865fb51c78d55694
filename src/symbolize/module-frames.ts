/**
 * Frames out of what the files of a module say: the places and inlined calls of the debug information, the name of the
 * function, and where something is missing, why.
 */

import type { VirtualAddress } from "../base/address.ts";
import { demangle } from "../demangle/index.ts";
import type { Answer, BriefFrame, FunctionAt } from "../dwarf/index.ts";
import { SHF_ALLOC, SHF_EXECINSTR } from "../elf/constants.ts";
import { type CodeLayout, findBounds } from "../elf/index.ts";
import { NO_DEBUG_INFORMATION, NO_LINE } from "./batch-chain.ts";
import { hasSymbols } from "./debug-sections.ts";
import type { Frame, ModuleFrame } from "./frame.ts";
import { aliasesOf, chooseName, demangleStub, type FunctionName } from "./function-name.ts";
import type { ModuleFiles } from "./module-files.ts";

export class ModuleFrames {
  private readonly files: ModuleFiles;
  private readonly layout: CodeLayout | undefined;
  /** Demangled names of the batch at hand. */
  private shownNames: Map<string, string> | undefined;

  /** @param layout of a relocatable file, whose sections have no addresses. */
  constructor(files: ModuleFiles, layout: CodeLayout | undefined) {
    this.files = files;
    this.layout = layout;
  }

  /** The name of the function at one address. */
  nameOf(address: VirtualAddress, code: FunctionAt | undefined): FunctionName | undefined {
    this.files.expect(Float64Array.of(address));
    return chooseName(code, this.files.sources.dwarfFile, this.files.findSymbol(address));
  }

  /** Remembers demangled names until `endBatch`. */
  beginBatch(): void {
    this.shownNames = new Map();
  }

  endBatch(): void {
    this.shownNames = undefined;
  }

  /** @param wanted the address that was looked up, at or before `address`. */
  at(
    address: VirtualAddress,
    wanted: VirtualAddress,
    { frames, reason }: Answer,
    name: FunctionName | undefined,
  ): ModuleFrame[] {
    const { dwarfFile } = this.files.sources;
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
      const aliases = aliasesOf(name, this.demangle);
      frame.symbol = this.demangle(name.name);
      frame.offset = address - name.start;
      if (name.size > 0) frame.size = name.size;
      if (aliases.length > 0) frame.aliases = aliases;
      frame.symbolSource = name.source;
    } else this.nameOtherwise(frame, address, wanted);
    const why = this.whyIncomplete(frame, wanted, reason);
    if (why !== undefined) frame.reason = why;
    all.push(frame);
    return all;
  }

  /** What is said of an address for which there are no answers. */
  unknown(address: VirtualAddress, wanted: VirtualAddress, reason: string | undefined): ModuleFrame[] {
    return [{ inlined: false, ...this.placeOf(address, wanted), reason }];
  }

  private locate(frame: ModuleFrame, { file, line, column }: BriefFrame, table: string): void {
    if (file !== undefined) frame.file = file;
    if (line !== undefined) frame.line = line;
    if (column !== undefined) frame.column = column;
    if (file !== undefined || line !== undefined) frame.lineSource = `${this.files.sources.dwarfFile} ${table}`;
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
    const stub = this.files.findStub(wanted);
    if (stub) {
      frame.symbol = demangleStub(stub.name, this.demangle);
      frame.offset = address - stub.address;
      frame.size = stub.size;
      frame.symbolSource = `${this.files.elf.name} .plt`;
      return;
    }
    const bounds = findBounds(this.files.bounds, wanted);
    if (!bounds) return;
    frame.offset = address - bounds.start;
    frame.size = bounds.end - bounds.start;
    frame.symbolSource = `${this.files.elf.name} .eh_frame`;
  }

  private whyIncomplete(frame: ModuleFrame, wanted: VirtualAddress, reason: string | undefined): string | undefined {
    const { dwarf, symbols } = this.files.sources;
    const { debugFile } = this.files.debugFiles;
    if (frame.symbol === undefined) {
      const elsewhere = frame.offset === undefined ? this.whyNoCode(wanted) : undefined;
      if (elsewhere !== undefined) return elsewhere;
      const stripped = !hasSymbols(this.files.elf) && !debugFile && symbols.length < 2;
      const why = stripped ? "stripped: no symbol covers it" : "no symbol covers it";
      return reason === undefined ? why : `${why}; ${reason}`;
    }
    if (reason !== undefined || frame.line !== undefined) return reason;
    return dwarf ? NO_LINE : NO_DEBUG_INFORMATION;
  }

  /** Why there cannot be a function at an address. */
  private whyNoCode(address: VirtualAddress): string | undefined {
    if (this.layout) return this.layout.locate(address) ? undefined : "in no section with code";
    const section = this.files.elf.sections.find(
      (candidate) =>
        candidate.flags & SHF_ALLOC && address >= candidate.address && address - candidate.address < candidate.size,
    );
    if (section) return section.flags & SHF_EXECINSTR ? undefined : `in ${section.name}, which is not code`;
    const inSegment = this.files.elf.segments.some(
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
}
