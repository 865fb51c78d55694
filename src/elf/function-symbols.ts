/**
 * Which rows of a symbol table are code, and at what address: the rules that differ between machines and file types.
 */

import { Cursor } from "../base/cursor.ts";
import {
  EM_AARCH64,
  EM_ARM,
  EM_PPC64,
  EM_RISCV,
  ET_REL,
  PF_X,
  PT_LOAD,
  SHF_EXECINSTR,
  SHN_COMMON,
  SHN_UNDEF,
  STB_LOCAL,
  STT_FUNC,
  STT_GNU_IFUNC,
  STT_NOTYPE,
} from "./constants.ts";
import type { ElfFile } from "./elf-file.ts";
import { layOutCode } from "./layout.ts";
import type { Section } from "./sections.ts";
import type { Segment } from "./segments.ts";
import type { SymbolTable } from "./symbol-table.ts";

export type FunctionRows = {
  /** Row numbers of function-like symbols, in file order. */
  rows: Uint32Array;
  /** By row number of the symbol table: the address to look up by. */
  addresses: Float64Array;
  /** By row number: the first address that a symbol without a size cannot reach. */
  limits: Float64Array;
};

/** Functions, indirect functions, and untyped labels in executable sections; no imports, no mapping symbols. */
export function collectFunctions(elf: ElfFile, table: SymbolTable): FunctionRows {
  const { count, values, sectionIndexes } = table;
  const layout = layOutCode(elf);
  const descriptors = readDescriptors(elf);
  const codeSegments = elf.segments
    .filter(({ type, flags }) => type === PT_LOAD && flags & PF_X)
    .slice(0, MAX_SEGMENTS);
  const addresses = new Float64Array(count);
  const limits = new Float64Array(count);
  const rows = new Uint32Array(count);
  let found = 0;
  for (let row = 1; row < count; row++) {
    const type = table.type(row);
    if (type !== STT_FUNC && type !== STT_GNU_IFUNC && type !== STT_NOTYPE) continue;
    const sectionIndex = sectionIndexes[row];
    if (sectionIndex === SHN_UNDEF || sectionIndex === SHN_COMMON - 0x10000) continue;
    const section = elf.sections[sectionIndex];
    if (type === STT_NOTYPE) {
      const code = section
        ? section.flags & SHF_EXECINSTR
        : sectionIndex > 0 && codeSegments.some((segment) => isInside(segment, values[row]));
      if (!code || isAssemblerSymbol(elf.machine, table, row)) continue;
    }

    let address = values[row];
    // The lowest bit of a Thumb function says "switch to Thumb" (ELF for the Arm Architecture, "Symbol Values").
    if (elf.machine === EM_ARM && type !== STT_NOTYPE && address % 2 !== 0) address -= 1;
    if (descriptors && sectionIndex === descriptors.section.index) address = descriptors.target(address);
    const base = (section && layout?.base(section)) ?? 0;
    addresses[row] = base + address;
    limits[row] = base + address + 1;
    // A descriptor's section says nothing about where its code ends.
    if (section && section !== descriptors?.section && table.source === ".symtab")
      limits[row] = base + (layout ? 0 : section.address) + section.size;
    rows[found++] = row;
  }
  return { rows: rows.slice(0, found), addresses, limits };
}

function isInside(segment: Segment, address: number): boolean {
  return address >= segment.address && address - segment.address < segment.memorySize;
}

/**
 * Symbols that assemblers leave behind and nobody should see: `.L…` labels, and the mapping symbols that say what
 * follows is code or data: `$a $t $d` (Arm), `$x $d` (AArch64), `$x… $d` (RISC-V).
 */
function isAssemblerSymbol(machine: number, table: SymbolTable, row: number): boolean {
  if (table.bind(row) !== STB_LOCAL) return false;
  const prefix = table.namePrefix(row);
  if (prefix.startsWith(".L")) return true;
  if (machine === EM_RISCV) return /^\$[dx]/.test(prefix);
  return (machine === EM_ARM || machine === EM_AARCH64) && /^\$[atdx](\.|$)/.test(prefix);
}

type Descriptors = { section: Section; target(address: number): number };

/**
 * On 64-bit PowerPC, ABI version 1, a function symbol is the address of a descriptor in `.opd`, whose first word is
 * the address of the code (64-bit PowerPC ELF ABI Supplement 1.9 §3.2.1).
 */
function readDescriptors(elf: ElfFile): Descriptors | undefined {
  const section = elf.machine === EM_PPC64 && elf.type !== ET_REL ? elf.section(".opd") : undefined;
  const data = section && elf.sectionData(section);
  if (!data) return undefined;
  return {
    section,
    target(address) {
      const at = address - section.address;
      if (at < 0 || at + 8 > data.size) return address;
      return new Cursor(data.read(at, 8), elf.littleEndian, elf.name, ".opd").i64();
    },
  };
}

/** Executable segments that are looked at: one or two in practice. */
const MAX_SEGMENTS = 16;
