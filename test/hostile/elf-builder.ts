/**
 * A 64-bit little-endian shared library of given sections, for files that no linker writes.
 */

import { ET_DYN, SHF_ALLOC, SHF_COMPRESSED, SHF_EXECINSTR, SHT_NOBITS } from "../../src/elf/constants.ts";
import { Bytes } from "../support/dwarf-builder.ts";

export type SectionContent = {
  bytes: Uint8Array;
  /** SHF_COMPRESSED: the bytes begin with a compression header. */
  isCompressed?: boolean;
};

/** Where `.text` is, and how long: nothing is in it. */
export const TEXT = { address: 0x1000, size: 0x10_0000 };

/** gABI 4: sizes of the ELF header and of a section header. */
const FILE_HEADER = 64;
const SECTION_HEADER = 64;
const EM_X86_64 = 62;
const SHT_PROGBITS = 1;
const SHT_STRTAB = 3;

export function buildElf(sections: Record<string, SectionContent>): Uint8Array {
  const names = new Bytes().u8(0);
  const headers = new Bytes().add(new Bytes().u8(...new Array(SECTION_HEADER).fill(0)));
  let offset = FILE_HEADER;
  const bodies: Uint8Array[] = [];

  function add(name: string, type: number, flags: number, address: number, size: number, bytes: Uint8Array): void {
    headers.u32(names.length).u32(type).u64(flags).u64(address).u64(offset).u64(size);
    headers.u32(0).u32(0).u64(1).u64(0); // sh_link, sh_info, sh_addralign, sh_entsize
    names.text(name);
    bodies.push(bytes);
    offset += bytes.length;
  }

  add(".text", SHT_NOBITS, SHF_ALLOC | SHF_EXECINSTR, TEXT.address, TEXT.size, new Uint8Array(0));
  for (const [name, { bytes, isCompressed }] of Object.entries(sections))
    add(name, SHT_PROGBITS, isCompressed ? SHF_COMPRESSED : 0, 0, bytes.length, bytes);
  const count = bodies.length + 2;
  const own = ".shstrtab";
  add(own, SHT_STRTAB, 0, 0, names.length + own.length + 1, new Uint8Array(0));
  const nameBytes = names.done();
  offset += nameBytes.length;

  const header = new Bytes().u8(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  header.u16(ET_DYN).u16(EM_X86_64).u32(1).u64(0).u64(0).u64(offset).u32(0);
  header
    .u16(FILE_HEADER)
    .u16(0)
    .u16(0)
    .u16(SECTION_HEADER)
    .u16(count)
    .u16(count - 1);
  return joined([header.done(), ...bodies, nameBytes, headers.done()]);
}

/** A compression header (gABI 4, Elf64_Chdr) that states this size, and the bytes. */
export function compressed(size: number | bigint, bytes: Uint8Array, method = 1): SectionContent {
  const header = new Bytes().u32(method).u32(0).u64(size).u64(1);
  return { bytes: joined([header.done(), bytes]), isCompressed: true };
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
