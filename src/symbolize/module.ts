/**
 * One ELF file and whatever debug information was found for it: from a virtual address to frames.
 *
 * Everything is opened when it is first needed, and remembered. What is damaged is passed over with a reason; the
 * other sources still answer.
 */

import { type FileOffset, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { describeError, LeaklineError } from "../base/errors.ts";
import { demangle } from "../demangle/index.ts";
import { type Dwarf, type DwarfInput, type Found, openDwarf, type SourceFrame } from "../dwarf/index.ts";
import { type ElfFile, type FoundSymbol, fileOffsetToVirtual, type SymbolIndex, symbolIndex } from "../elf/index.ts";
import { findDebugFile, findSupplementaryFile } from "./debug-files.ts";
import type { FileProvider } from "./file-provider.ts";
import type { Frame } from "./frame.ts";

/** A frame without what only the caller knows. */
export type ModuleFrame = Omit<Frame, "address" | "module" | "buildId">;

export class Module {
  readonly elf: ElfFile;
  /** As the process sees it. */
  readonly path: string;
  /** What was found damaged or missing, for people. */
  readonly problems: string[] = [];
  private readonly files: FileProvider;
  private opened:
    | {
        debug: ElfFile | undefined;
        symbols: SymbolIndex[];
        symbolFiles: string[];
        dwarf: Dwarf | undefined;
        dwarfFile: string;
      }
    | undefined;

  constructor(elf: ElfFile, path: string, files: FileProvider) {
    this.elf = elf;
    this.path = path;
    this.files = files;
  }

  /**
   * The frames at a virtual address, innermost first; at least one, with a reason when it has no symbol.
   *
   * @param isReturnAddress look up the instruction before it, the call: the one behind the call may belong to another
   *   line, and after a call that never returns, to another function. Offsets still count to `address` itself.
   */
  find(address: VirtualAddress, isReturnAddress: boolean): ModuleFrame[] {
    const wanted = virtualAddress(address - (isReturnAddress ? 1 : 0));
    const sources = this.open();
    const symbol = this.findSymbol(wanted);
    const { frames, reason } = sources.dwarf?.find(wanted) ?? NOTHING_FOUND;
    const outermost = frames.at(-1);
    const result: ModuleFrame[] = frames.slice(0, -1).map((frame) => ({
      symbol: nameOf(frame),
      ...locationOf(frame),
      inlined: true,
      moduleAddress: address,
      symbolSource: sources.dwarfFile,
      lineSource: sources.dwarfFile,
    }));
    const last: ModuleFrame = { ...locationOf(outermost), inlined: false, moduleAddress: address };
    if (outermost?.line !== undefined) last.lineSource = sources.dwarfFile;
    nameFrame(last, address, wanted, outermost, symbol, sources.dwarfFile);
    if (last.symbol === undefined) last.reason = reason ?? this.whyNoSymbol();
    else if (last.line === undefined) last.reason = reason ?? this.whyNoLine();
    return [...result, last];
  }

  /** Its debug information, and the file that has it; undefined when none was found. */
  get debugInformation(): { dwarf: Dwarf; file: string } | undefined {
    const { dwarf, dwarfFile } = this.open();
    return dwarf && { dwarf, file: dwarfFile };
  }

  /** The virtual address that a file offset is loaded at; undefined when no segment loads it. */
  virtualAddress(offset: number): VirtualAddress | undefined {
    return fileOffsetToVirtual(this.elf.segments, offset as FileOffset);
  }

  private findSymbol(address: VirtualAddress): (FoundSymbol & { file: string }) | undefined {
    const { symbols, symbolFiles } = this.open();
    for (const [i, index] of symbols.entries()) {
      const found = index.findSymbol(address);
      if (found) return { ...found, file: symbolFiles[i] };
    }
    return undefined;
  }

  private open(): NonNullable<Module["opened"]> {
    if (this.opened) return this.opened;
    const own = this.elf;
    const report = (message: string): void => void this.problems.push(message);
    const debug = hasDwarf(own) ? undefined : findDebugFile(this.files, own, this.path, report);
    const dwarfElf = hasDwarf(own) ? own : debug;
    const symbolElfs = debug ? [debug, own] : [own];
    this.opened = {
      debug,
      symbols: symbolElfs.map(symbolIndex),
      symbolFiles: symbolElfs.map((elf) => elf.name),
      dwarf: dwarfElf && this.openDwarf(dwarfElf, report),
      dwarfFile: dwarfElf?.name ?? "",
    };
    return this.opened;
  }

  private openDwarf(elf: ElfFile, report: (message: string) => void): Dwarf | undefined {
    try {
      const supplementary = findSupplementaryFile(this.files, elf, elf.name, report);
      return openDwarf({ ...dwarfInput(elf), supplementary: supplementary && dwarfInput(supplementary) });
    } catch (error) {
      this.problem(error);
      return undefined;
    }
  }

  private problem(error: unknown): void {
    if (!(error instanceof LeaklineError)) throw error;
    this.problems.push(describeError(error));
  }

  private whyNoSymbol(): string {
    const stripped = this.elf.section(".symtab") === undefined && !this.opened?.debug;
    return stripped ? "stripped: no symbol covers it" : "no symbol covers it";
  }

  private whyNoLine(): string {
    return this.opened?.dwarf ? "no line is recorded for it" : "no debug information: compiled without -g, or stripped";
  }
}

/** The sections of an ELF file as the DWARF reader asks for them. */
export function dwarfInput(elf: ElfFile): DwarfInput {
  return { name: elf.name, littleEndian: elf.littleEndian, section: (name) => elf.sectionData(name) };
}

function hasDwarf(elf: ElfFile): boolean {
  return elf.section(".debug_info") !== undefined || elf.section(".debug_line") !== undefined;
}

function nameOf(frame: SourceFrame): string | undefined {
  return frame.function?.name === undefined ? undefined : demangle(frame.function.name);
}

function locationOf(frame: SourceFrame | undefined): Pick<Frame, "file" | "line" | "column"> {
  const location: Pick<Frame, "file" | "line" | "column"> = {};
  if (frame?.file !== undefined) location.file = frame.file;
  if (frame?.line !== undefined) location.line = frame.line;
  if (frame?.column !== undefined) location.column = frame.column;
  return location;
}

const NOTHING_FOUND: Found = { frames: [], reason: undefined };

/**
 * Names the function that really stands at the address, so that symbol + offset is that address.
 *
 * The symbol table and the debug information nearly always agree. When they do not, the debug information is right
 * about the function (a label inside it is not one), and the symbol table about a part of it that was moved elsewhere
 * (`f.cold`): there the function's own entry would be far away.
 */
function nameFrame(
  frame: ModuleFrame,
  address: VirtualAddress,
  wanted: VirtualAddress,
  source: SourceFrame | undefined,
  symbol: (FoundSymbol & { file: string }) | undefined,
  dwarfFile: string,
): void {
  const code = source?.function;
  const name = code?.name;
  const range = code?.ranges.find(({ begin, end }) => begin <= wanted && wanted < end);
  if (symbol && (name === undefined || symbol.address === range?.begin || isPartOf(symbol, name))) {
    const names = [symbol.name, ...symbol.aliases];
    const best = name !== undefined && names.includes(name) ? name : symbol.name;
    frame.symbol = demangle(best);
    frame.offset = address - symbol.address;
    if (symbol.size > 0) frame.size = symbol.size;
    const aliases = names.filter((other) => other !== best).map((other) => demangle(other));
    if (aliases.length > 0) frame.aliases = aliases;
    frame.symbolSource = `${symbol.file} ${symbol.source}`;
    return;
  }
  if (!code || name === undefined) return;
  frame.symbol = demangle(name);
  frame.offset = address - (range?.begin ?? code.entry);
  frame.size = code.size;
  frame.symbolSource = dwarfFile;
}

/** `f.cold`, `f.part.0`, … are parts of `f`. */
function isPartOf(symbol: FoundSymbol, name: string): boolean {
  return [symbol.name, ...symbol.aliases].some((candidate) => candidate.startsWith(`${name}.`));
}
