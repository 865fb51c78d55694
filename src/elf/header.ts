/**
 * The ELF header (gABI 4, "ELF Header"): class, byte order, and where the two tables of headers are.
 *
 * Counts that do not fit their 16 bits stand in section header 0; they are resolved here, so that nobody else has to
 * know.
 */

import type { ByteSource } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { MalformedError } from "../base/errors.ts";
import {
  EI_CLASS,
  EI_DATA,
  EI_NIDENT,
  ELF_MAGIC,
  ELFCLASS32,
  ELFCLASS64,
  ELFDATA2LSB,
  ELFDATA2MSB,
  PN_XNUM,
  SHN_XINDEX,
} from "./constants.ts";

/** What the ELF header says, with the extended counts resolved. Offsets and sizes are in bytes. */
export type ElfHeader = {
  is64: boolean;
  littleEndian: boolean;
  /** `ET_*` */
  type: number;
  /** `EM_*` */
  machine: number;
  /** `e_flags`, whose meaning depends on the machine. */
  flags: number;
  /** Virtual address of the entry point. */
  entry: number;
  segmentTable: HeaderTable;
  sectionTable: HeaderTable;
  /** Index of the section that holds the section names, 0 for none. */
  sectionNamesIndex: number;
};

/** A table of program or section headers. */
export type HeaderTable = { offset: number; entrySize: number; count: number };

/** An address-sized field, as virtual addresses are kept: signed (see base/address.ts). */
export function readAddress(cursor: Cursor, is64: boolean): number {
  return is64 ? cursor.i64() : cursor.u32();
}

/** A file offset, size or count: never negative, so that an absurd one fails its bounds check. */
export function readSize(cursor: Cursor, is64: boolean): number {
  if (!is64) return cursor.u32();
  const value = cursor.i64();
  return value < 0 ? value + 2 ** 64 : value;
}

/** Section header sizes in the two classes; `sh_link` and `sh_info` stand at the same place for all that read them here. */
export function sectionHeaderSize(is64: boolean): number {
  return is64 ? 64 : 40;
}

export function programHeaderSize(is64: boolean): number {
  return is64 ? 56 : 32;
}

/** @throws MalformedError when `source` is not an ELF file. */
export function readHeader(source: ByteSource): ElfHeader {
  const part = "ELF header";
  const identity = source.read(0, Math.min(EI_NIDENT, source.size));
  if (identity.length < EI_NIDENT || new Cursor(identity, false, source.name, part).u32() !== ELF_MAGIC)
    throw new MalformedError(source.name, part, 0, "not an ELF file");
  const elfClass = identity[EI_CLASS];
  if (elfClass !== ELFCLASS32 && elfClass !== ELFCLASS64)
    throw new MalformedError(source.name, part, EI_CLASS, `unknown class ${elfClass}`);
  const data = identity[EI_DATA];
  if (data !== ELFDATA2LSB && data !== ELFDATA2MSB)
    throw new MalformedError(source.name, part, EI_DATA, `unknown byte order ${data}`);
  const is64 = elfClass === ELFCLASS64;
  const littleEndian = data === ELFDATA2LSB;

  const size = is64 ? 64 : 52;
  const cursor = new Cursor(source.read(0, Math.min(size, source.size)), littleEndian, source.name, part);
  cursor.seek(EI_NIDENT);
  const type = cursor.u16();
  const machine = cursor.u16();
  cursor.skip(4); // e_version
  const entry = readAddress(cursor, is64);
  const segmentOffset = readSize(cursor, is64);
  const sectionOffset = readSize(cursor, is64);
  const flags = cursor.u32();
  cursor.skip(2); // e_ehsize
  const segmentTable = { offset: segmentOffset, entrySize: cursor.u16(), count: cursor.u16() };
  const sectionTable = { offset: sectionOffset, entrySize: cursor.u16(), count: cursor.u16() };
  const sectionNamesIndex = cursor.u16();
  if (segmentOffset === 0) segmentTable.count = 0;
  if (sectionOffset === 0) sectionTable.count = 0;
  const header = { is64, littleEndian, type, machine, flags, entry, segmentTable, sectionTable, sectionNamesIndex };
  resolveExtendedCounts(source, header);
  return header;
}

/** Takes from section header 0 what did not fit: sh_size, sh_link and sh_info (gABI 4, notes on e_shnum and others). */
function resolveExtendedCounts(source: ByteSource, header: ElfHeader): void {
  const { is64, sectionTable, segmentTable } = header;
  if (sectionTable.offset === 0) return;
  const extended =
    sectionTable.count === 0 || segmentTable.count === PN_XNUM || header.sectionNamesIndex === SHN_XINDEX;
  // Damage here is left for the section table's reader to report: the segments may still be good.
  if (!extended || sectionTable.offset > source.size - sectionHeaderSize(is64)) return;
  const bytes = source.read(sectionTable.offset, sectionHeaderSize(is64));
  const cursor = new Cursor(bytes, header.littleEndian, source.name, "section header 0");
  cursor.seek(is64 ? 32 : 20);
  const size = readSize(cursor, is64);
  const link = cursor.u32();
  const info = cursor.u32();
  if (sectionTable.count === 0) sectionTable.count = size;
  if (segmentTable.count === PN_XNUM) segmentTable.count = info;
  if (header.sectionNamesIndex === SHN_XINDEX) header.sectionNamesIndex = link;
}

/**
 * The bytes of a table of headers, checked against the file.
 *
 * @throws MalformedError when the table is larger than the file or its entries smaller than the format's.
 */
export function readHeaderTable(source: ByteSource, part: string, table: HeaderTable, minimum: number): Uint8Array {
  const { offset, entrySize, count } = table;
  if (count === 0) return new Uint8Array(0);
  if (entrySize < minimum) throw new MalformedError(source.name, part, 0, `entries of ${entrySize} bytes`);
  if (count * entrySize > MAX_TABLE || offset + count * entrySize > source.size)
    throw new MalformedError(source.name, part, 0, `${count} entries at 0x${offset.toString(16)} do not fit the file`);
  return source.read(offset, count * entrySize);
}

/** A million section headers. Linkers reach 10^5 with -ffunction-sections; each costs about 200 bytes of memory here. */
const MAX_TABLE = 1 << 26;
