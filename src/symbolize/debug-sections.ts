/**
 * An ELF file as the DWARF reader wants it: sections by name, relocated where nothing is linked yet.
 */

import { type VirtualAddress, virtualAddress } from "../base/address.ts";
import type { DwarfInput } from "../dwarf/index.ts";
import { ET_REL, PF_X, PT_LOAD, SHF_ALLOC, SHF_COMPRESSED, SHF_EXECINSTR, SHT_NOBITS } from "../elf/constants.ts";
import { type ElfFile, LAYOUT_START, relocatedSection } from "../elf/index.ts";

/** The DWARF sections of a file; nothing is read yet. Addresses in a relocatable file are those of `layOutCode`. */
export function dwarfInput(elf: ElfFile): DwarfInput {
  return {
    name: elf.name,
    littleEndian: elf.littleEndian,
    section: (name) => relocatedSection(elf, name),
    lowestCode: lowestCode(elf),
  };
}

/** Whether the file has debug information that maps addresses. */
export function hasDwarf(elf: ElfFile): boolean {
  return hasBytes(elf, ".debug_info") || hasBytes(elf, ".debug_line");
}

/** Whether its debug information has to be decompressed. */
export function isCompressed(elf: ElfFile): boolean {
  return elf.sections.some(
    ({ name, flags }) => name.startsWith(".zdebug") || (name.startsWith(".debug") && (flags & SHF_COMPRESSED) !== 0),
  );
}

/** Whether the file has the symbols that stripping removes. */
export function hasSymbols(elf: ElfFile): boolean {
  return hasBytes(elf, ".symtab");
}

/** Stripping and splitting may leave a section's header behind, without its bytes (SHT_NOBITS). */
export function hasBytes(elf: ElfFile, name: string): boolean {
  const section = elf.section(name);
  return section !== undefined && section.type !== SHT_NOBITS && section.size > 0;
}

/** The lowest address of code, undefined when the file does not say. */
function lowestCode(elf: ElfFile): VirtualAddress | undefined {
  if (elf.type === ET_REL) return virtualAddress(LAYOUT_START);
  const code = SHF_ALLOC | SHF_EXECINSTR;
  let lowest = Number.POSITIVE_INFINITY;
  for (const { flags, size, address } of elf.sections)
    if ((flags & code) === code && size > 0 && address < lowest) lowest = address;
  if (elf.sections.length === 0)
    for (const { type, flags, address } of elf.segments)
      if (type === PT_LOAD && flags & PF_X && address < lowest) lowest = address;
  return Number.isFinite(lowest) ? virtualAddress(lowest) : undefined;
}
