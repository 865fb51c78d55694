/**
 * Names for PLT stubs: `puts@plt`.
 *
 * No symbol covers the procedure linkage table, yet a sampled or a return address may lie in it. Each stub jumps
 * through a word of the GOT; the relocation for that word names the function.
 */

import { type VirtualAddress, virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { SHF_ALLOC, SHF_EXECINSTR, SHT_REL, SHT_RELA } from "./constants.ts";
import type { ElfFile } from "./elf-file.ts";
import { decodePlt } from "./plt-decode.ts";
import type { Section } from "./sections.ts";
import { readSymbols, type SymbolTable } from "./symbol-table.ts";

export type PltStub = {
  address: VirtualAddress;
  /** Bytes up to the next stub or the end of the section. */
  size: number;
  /** The function's name and `@plt`; for a local indirect function, as GNU tools write it, `*ABS*+0xADDRESS@plt`. */
  name: string;
};

/**
 * The file's PLT stubs by address. Known machines: x86 and Arm, 32 and 64 bits; none for others, and none for a file
 * without section headers. Damage goes to `elf.problems`.
 */
export function pltStubs(elf: ElfFile): PltStub[] {
  try {
    const stubs = findStubs(elf);
    if (stubs.size > 0) nameStubs(elf, stubs);
    return [...stubs.values()]
      .flat()
      .filter((stub) => stub.name !== "")
      .sort((a, b) => a.address - b.address);
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    elf.problems.push(error);
    return [];
  }
}

/** Whether `address` lies where stubs are. For elsewhere, there is no need to know all of them. */
export function isInPlt(elf: ElfFile, address: VirtualAddress): boolean {
  for (const name of SECTIONS) {
    const section = elf.section(name);
    if (section && address >= section.address && address - section.address < section.size) return true;
  }
  return false;
}

/** The stub that contains `address`, of those that `pltStubs` gave. */
export function findPltStub(stubs: readonly PltStub[], address: VirtualAddress): PltStub | undefined {
  let low = 0;
  let high = stubs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (stubs[middle].address <= address) low = middle + 1;
    else high = middle;
  }
  const stub = low > 0 ? stubs[low - 1] : undefined;
  return stub && address < stub.address + stub.size ? stub : undefined;
}

/** Nameless stubs by the virtual address of their GOT word. */
function findStubs(elf: ElfFile): Map<number, PltStub[]> {
  const stubs = new Map<number, PltStub[]>();
  const got = (elf.section(".got.plt") ?? elf.section(".got"))?.address ?? 0;
  for (const section of elf.sections) {
    // The first of each name: sections that repeat a large part of the file would be decoded again and again.
    if (!SECTIONS.has(section.name) || elf.section(section.name) !== section) continue;
    const code = section.flags & SHF_EXECINSTR ? elf.sectionData(section) : undefined;
    if (!code || code.size > MAX_PLT) continue;
    const decoded = decodePlt(elf.machine, code.read(0, code.size), section.address, section.entrySize, got);
    for (let i = 0; i < decoded.length; i++) {
      const { offset, slot } = decoded[i];
      const end = i + 1 < decoded.length ? decoded[i + 1].offset : code.size;
      const stub = { address: virtualAddress(section.address + offset), size: end - offset, name: "" };
      // A function may have a stub in .plt and another in .plt.got: two words, or one for both.
      const sharing = stubs.get(slot);
      if (sharing) sharing.push(stub);
      else stubs.set(slot, [stub]);
    }
  }
  return stubs;
}

/** Goes through the relocations once; most of a large file's are for other words. */
function nameStubs(elf: ElfFile, stubs: Map<number, PltStub[]>): void {
  let symbols: SymbolTable | undefined;
  const relocations = elf.sections.filter(
    ({ type, flags }) => (type === SHT_RELA || type === SHT_REL) && flags & SHF_ALLOC,
  );
  for (const section of relocations.slice(0, MAX_RELOCATION_SECTIONS)) {
    symbols ??= readSymbols(elf, ".dynsym");
    nameFromRelocations(elf, section, symbols, stubs);
  }
}

function nameFromRelocations(
  elf: ElfFile,
  section: Section,
  symbols: SymbolTable | undefined,
  stubs: Map<number, PltStub[]>,
): void {
  const data = elf.sectionData(section);
  if (!data || data.size > MAX_RELOCATIONS) return;
  const { is64, littleEndian } = elf;
  const hasAddend = section.type === SHT_RELA;
  const rowSize = (is64 ? 8 : 4) * (hasAddend ? 3 : 2);
  const bytes = data.read(0, data.size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + rowSize <= data.size; at += rowSize) {
    // r_offset and r_info; the 64-bit machines whose stubs are known are little-endian.
    const slot = is64
      ? view.getUint32(at, littleEndian) + view.getInt32(at + 4, littleEndian) * 4294967296
      : view.getUint32(at, littleEndian);
    const sharing = stubs.get(slot);
    if (!sharing) continue;
    const symbol = is64 ? view.getUint32(at + 12, littleEndian) : view.getUint32(at + 4, littleEndian) >>> 8;
    let name = symbol > 0 && symbols && symbol < symbols.count ? symbols.name(symbol) : "";
    if (symbol === 0 && hasAddend) {
      const addend = is64 ? view.getBigUint64(at + 16, littleEndian) : view.getUint32(at + 8, littleEndian);
      name = `*ABS*+0x${addend.toString(16)}`;
    }
    if (name !== "") for (const stub of sharing) stub.name = `${name}@plt`;
  }
}

const SECTIONS = new Set([".plt", ".plt.sec", ".plt.got", ".plt.bnd", ".iplt"]);
/** Four million stubs. */
const MAX_PLT = 1 << 26;
const MAX_RELOCATIONS = 1 << 28;
/** `.rela.dyn`, `.rela.plt` and a few of their kind. */
const MAX_RELOCATION_SECTIONS = 16;
