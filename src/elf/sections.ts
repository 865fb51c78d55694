/**
 * Section headers (gABI 4, "Section Header").
 */

import { type FileOffset, fileOffset, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { type ByteSource, decodeText } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { MalformedError } from "../base/errors.ts";
import { SHT_NOBITS } from "./constants.ts";
import { type ElfHeader, readAddress, readHeaderTable, readSize, sectionHeaderSize } from "./header.ts";

/** One section header. */
export type Section = {
  index: number;
  /** Empty when the table of names is damaged. */
  name: string;
  /** `SHT_*` */
  type: number;
  /** `SHF_*`, of which those that leakline knows are in the low 32 bits. */
  flags: number;
  address: VirtualAddress;
  offset: FileOffset;
  /** Bytes; in the file as in memory, unless the section is SHT_NOBITS or compressed. */
  size: number;
  link: number;
  info: number;
  align: number;
  entrySize: number;
};

/**
 * All section headers, the empty one at index 0 included, still without names.
 *
 * @throws MalformedError when the table does not fit the file.
 */
export function readSections(source: ByteSource, header: ElfHeader): { sections: Section[]; nameOffsets: Uint32Array } {
  const { is64, sectionTable } = header;
  const bytes = readHeaderTable(source, "section headers", sectionTable, sectionHeaderSize(is64));
  const cursor = new Cursor(bytes, header.littleEndian, source.name, "section headers");
  const sections: Section[] = [];
  const nameOffsets = new Uint32Array(bytes.length === 0 ? 0 : sectionTable.count);
  for (let index = 0; index < nameOffsets.length; index++) {
    cursor.seek(index * sectionTable.entrySize);
    nameOffsets[index] = cursor.u32();
    sections.push({
      index,
      name: "",
      type: cursor.u32(),
      flags: readSize(cursor, is64),
      address: virtualAddress(readAddress(cursor, is64)),
      offset: fileOffset(readSize(cursor, is64)),
      size: readSize(cursor, is64),
      link: cursor.u32(),
      info: cursor.u32(),
      align: readSize(cursor, is64),
      entrySize: readSize(cursor, is64),
    });
  }
  return { sections, nameOffsets };
}

/**
 * Fills in the names of `sections`.
 *
 * @throws MalformedError on the first name that cannot be read; the names before it stay.
 */
export function nameSections(source: ByteSource, sections: Section[], nameOffsets: Uint32Array, table: number): void {
  if (table === 0) return;
  const part = "section names";
  const section = sections[table];
  if (!section || section.type === SHT_NOBITS || section.size > MAX_NAME_TABLE)
    throw new MalformedError(source.name, part, 0, `section ${table} cannot hold the section names`);
  const bytes = source.read(section.offset, section.size);
  // Names may share their tails, so a small table could stand for a huge amount of text. Real ones share at most twice.
  let budget = 4 * bytes.length + 1024;
  for (let index = 0; index < sections.length; index++) {
    const start = nameOffsets[index];
    const end = bytes.indexOf(0, start);
    if (end < 0) throw new MalformedError(source.name, part, start, `section ${index} has no name there`);
    budget -= end - start;
    if (budget < 0) throw new MalformedError(source.name, part, start, "names far longer together than their table");
    sections[index].name = decodeText(bytes.subarray(start, end));
  }
}

const MAX_NAME_TABLE = 1 << 28;
