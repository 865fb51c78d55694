/**
 * The tutorial's manual walk-through, with the real numbers: each step from an address to its line, and what it was
 * decided by. The answer comes from the same code as everywhere (`Module.find`); the steps show its evidence.
 */

import { type FileOffset, fileOffset, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import type { FunctionEntry, RowsAround } from "../dwarf/index.ts";
import { PT_LOAD, STT_FUNC, STT_GNU_IFUNC } from "../elf/constants.ts";
import {
  fileOffsetToVirtual,
  readSymbols,
  type Segment,
  type SymbolSource,
  type SymbolTable,
  virtualToFileOffset,
} from "../elf/index.ts";
import type { Module, ModuleFrame } from "./module.ts";

/** A symbol near the address. */
export type NearbySymbol = { address: number; size: number; name: string };

/** What there is to show of an address in an ELF file. */
export type ModuleExplanation = {
  file: string;
  buildId: string | undefined;
  fileOffset: FileOffset | undefined;
  address: VirtualAddress | undefined;
  /** All that are loaded, and the one that holds the address. */
  segments: readonly Segment[];
  segment: Segment | undefined;
  /** Functions of the symbol table around the address, by address. */
  symbols: NearbySymbol[];
  symbolTable: SymbolSource | undefined;
  /** The file with the debug information; undefined when there is none. */
  debugFile: string | undefined;
  function: FunctionEntry | undefined;
  rows: RowsAround | undefined;
  /** The answer, innermost first. */
  frames: ModuleFrame[];
};

/** Rows and symbols shown on either side. */
const CONTEXT = 3;

/** Explains an address given by its offset in the file. */
export function explainFileOffset(module: Module, offset: number): ModuleExplanation {
  const address = fileOffsetToVirtual(module.elf.segments, fileOffset(offset));
  return explain(module, fileOffset(offset), address);
}

/** Explains a virtual address. */
export function explainVirtual(module: Module, address: number): ModuleExplanation {
  return explain(module, virtualToFileOffset(module.elf.segments, virtualAddress(address)), virtualAddress(address));
}

function explain(
  module: Module,
  offset: FileOffset | undefined,
  address: VirtualAddress | undefined,
): ModuleExplanation {
  const { elf } = module;
  const segments = elf.segments.filter(({ type }) => type === PT_LOAD);
  const debug = module.debugInformation;
  const { symbols, table } = address === undefined ? { symbols: [], table: undefined } : nearbySymbols(module, address);
  return {
    file: elf.name,
    buildId: elf.buildId,
    fileOffset: offset,
    address,
    segments,
    segment: segments.find((s) => offset !== undefined && offset >= s.offset && offset < s.offset + s.fileSize),
    symbols,
    symbolTable: table,
    debugFile: debug?.file,
    function: address === undefined ? undefined : debug?.dwarf.functionAt(address),
    rows: address === undefined ? undefined : debug?.dwarf.rowsAround(address, CONTEXT),
    frames: address === undefined ? [] : module.find(address, false),
  };
}

/** The functions next to the address, in the table that readelf -s would be asked for. */
function nearbySymbols(module: Module, address: number): { symbols: NearbySymbol[]; table: SymbolSource | undefined } {
  for (const source of [".symtab", ".dynsym"] as const) {
    const table = soundSymbols(module, source);
    if (!table) continue;
    const rows: number[] = [];
    for (let row = 0; row < table.count; row++) {
      const type = table.type(row);
      if ((type === STT_FUNC || type === STT_GNU_IFUNC) && table.sectionIndexes[row] !== 0) rows.push(row);
    }
    if (rows.length === 0) continue;
    rows.sort((a, b) => table.values[a] - table.values[b] || a - b);
    const above = rows.findIndex((row) => table.values[row] > address);
    const next = above < 0 ? rows.length : above;
    const near = rows.slice(Math.max(0, next - CONTEXT), next + CONTEXT);
    const symbols = near.map((row) => ({ address: table.values[row], size: table.sizes[row], name: table.name(row) }));
    return { symbols, table: source };
  }
  return { symbols: [], table: undefined };
}

/** A damaged table is as good as none: the other one, and the debug information, still have something to show. */
function soundSymbols(module: Module, source: SymbolSource): SymbolTable | undefined {
  try {
    return readSymbols(module.elf, source);
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    return undefined;
  }
}
