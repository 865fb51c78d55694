/**
 * Relocation of debug information and unwind tables in relocatable files (gABI 4, "Relocation").
 *
 * In a linked file the linker has done this. In a `.o` or `.ko`, the references from one section to another are still
 * blank, or hold only their addend: read as it is, every function would begin at 0 and have the first string of
 * `.debug_str` as its name. Code is taken to be where `layout.ts` puts it.
 */

import { hex } from "../base/address.ts";
import { type ByteSource, memorySource } from "../base/bytes.ts";
import { LeaklineError, MalformedError } from "../base/errors.ts";
import { EM_ARM, SHT_REL, SHT_RELA, STT_FUNC } from "./constants.ts";
import type { ElfFile } from "./elf-file.ts";
import { layOutCode } from "./layout.ts";
import { RELOCATION_KINDS, type RelocationKind, type RelocationKinds } from "./relocation-types.ts";
import type { Section } from "./sections.ts";
import { readSymbols } from "./symbol-table.ts";

/**
 * A section's bytes, relocated. A relocation that is damaged or of an unknown type is left out, and the first of them goes
 * to `elf.problems`.
 *
 * @param data the section's bytes as they are, decompressed.
 * @throws LeaklineError `unsupported` when the machine's relocations are not known; `limit` when there is too much to be
 * relocated.
 */
export function relocate(elf: ElfFile, section: Section, data: ByteSource): ByteSource {
  const tables = elf.sections.filter(
    ({ type, info }) => (type === SHT_RELA || type === SHT_REL) && info === section.index,
  );
  if (tables.length === 0) return data;
  const kinds = RELOCATION_KINDS.get(elf.machine);
  if (!kinds)
    throw new LeaklineError("unsupported", `${data.name}: relocations of machine ${elf.machine} are not known`);
  // Tables may overlap in a hostile file; sound ones do not, so together they are no longer than the file.
  const size = tables.reduce((sum, table) => sum + table.size, 0);
  if (data.size > MAX_BYTES || size > Math.min(elf.source.size, MAX_BYTES))
    throw new LeaklineError("limit", `${data.name}: ${size} bytes of relocations for ${data.size} bytes`);
  // Not slice(): that of a Node Buffer does not copy.
  const bytes = new Uint8Array(data.read(0, data.size));
  const symbols = symbolValues(elf);
  for (const table of tables) applyTable(elf, table, kinds, symbols, bytes);
  return memorySource(data.name, bytes);
}

/** By row of `.symtab`: what a relocation takes as the symbol's value. 0 for what is in another file. */
function symbolValues(elf: ElfFile): Float64Array {
  const table = readSymbols(elf, ".symtab");
  const layout = layOutCode(elf);
  const values = new Float64Array(table?.count ?? 0);
  for (let row = 1; row < values.length && table; row++) {
    const index = table.sectionIndexes[row];
    if (index === 0) continue;
    const section = elf.sections[index];
    let value = table.values[row];
    // The lowest bit of a Thumb function is no part of its address.
    if (elf.machine === EM_ARM && table.type(row) === STT_FUNC && value % 2 !== 0) value -= 1;
    values[row] = value + (section && layout ? layout.base(section) : 0);
  }
  return values;
}

function applyTable(
  elf: ElfFile,
  table: Section,
  kinds: RelocationKinds,
  symbols: Float64Array,
  bytes: Uint8Array,
): void {
  const data = elf.sectionData(table);
  if (!data) return;
  const { is64, littleEndian } = elf;
  const hasAddend = table.type === SHT_RELA;
  const rowSize = (is64 ? 8 : 4) * (hasAddend ? 3 : 2);
  const rows = viewOf(data.read(0, data.size));
  const place = viewOf(bytes);
  let problem: string | undefined;
  let problemAt = 0;
  for (let at = 0; at + rowSize <= data.size; at += rowSize) {
    const offset = is64 ? readInteger(rows, at, 8, littleEndian) : rows.getUint32(at, littleEndian);
    let symbol: number;
    let type: number;
    let addend = 0;
    if (is64) {
      symbol = rows.getUint32(littleEndian ? at + 12 : at + 8, littleEndian);
      type = rows.getUint32(littleEndian ? at + 8 : at + 12, littleEndian);
      if (hasAddend) addend = readInteger(rows, at + 16, 8, littleEndian);
    } else {
      const info = rows.getUint32(at + 4, littleEndian);
      symbol = info >>> 8;
      type = info & 0xff;
      if (hasAddend) addend = rows.getInt32(at + 8, littleEndian);
    }
    const kind = kinds.get(type);
    if (kind?.formula === "none") continue;
    const fault =
      kind === undefined
        ? `relocation of unknown type ${type}`
        : symbol > 0 && symbol >= symbols.length
          ? `relocation to symbol ${symbol} of ${symbols.length}`
          : applyOne(kind, place, offset, symbol === 0 ? 0 : symbols[symbol], addend, hasAddend, littleEndian);
    if (fault !== undefined && problem === undefined) {
      problem = fault;
      problemAt = at;
    }
  }
  if (problem !== undefined) elf.problems.push(new MalformedError(elf.name, table.name, problemAt, problem));
}

/** @returns what is wrong, when it could not be applied. */
function applyOne(
  kind: RelocationKind,
  place: DataView,
  offset: number,
  symbol: number,
  addend: number,
  hasAddend: boolean,
  littleEndian: boolean,
): string | undefined {
  const { width, formula } = kind;
  const length = width === "uleb" ? ulebLength(place, offset) : width === "low6" ? 1 : width;
  if (!(length > 0 && offset >= 0 && offset + length <= place.byteLength))
    return `relocation of offset 0x${hex(offset)} in ${place.byteLength} bytes`;
  const old = readPlace(place, offset, width, length, littleEndian);
  const value = symbol + (hasAddend || formula === "add" || formula === "subtract" ? addend : old);
  let result = value;
  if (formula === "relative") result = value - offset;
  else if (formula === "add") result = old + value;
  else if (formula === "subtract") result = old - value;
  writePlace(place, offset, width, length, result, littleEndian);
  return undefined;
}

/** Bytes of the ULEB128 at `offset`; 0 when it runs off the end or is longer than 64 bits need. */
function ulebLength(place: DataView, offset: number): number {
  for (let length = 1; length <= 10 && offset >= 0 && offset + length <= place.byteLength; length++)
    if (place.getUint8(offset + length - 1) < 0x80) return length;
  return 0;
}

function readPlace(
  place: DataView,
  offset: number,
  width: RelocationKind["width"],
  length: number,
  littleEndian: boolean,
): number {
  if (width === "low6") return place.getUint8(offset) & 0x3f;
  if (width !== "uleb") return readInteger(place, offset, width, littleEndian);
  let value = 0;
  for (let i = 0; i < length; i++) value += (place.getUint8(offset + i) & 0x7f) * 2 ** (7 * i);
  return value;
}

function writePlace(
  place: DataView,
  offset: number,
  width: RelocationKind["width"],
  length: number,
  value: number,
  littleEndian: boolean,
): void {
  if (width === "low6") {
    place.setUint8(offset, (place.getUint8(offset) & 0xc0) | (value & 0x3f));
  } else if (width === "uleb") {
    // Seven bits a byte, and as many bytes as before: all but the last say that more follow.
    let rest = value;
    for (let i = 0; i < length; i++) {
      const low = rest - Math.floor(rest / 128) * 128;
      place.setUint8(offset + i, i < length - 1 ? low | 0x80 : low);
      rest = (rest - low) / 128;
    }
  } else if (width === 8) {
    const high = Math.floor(value / 2 ** 32);
    place.setUint32(littleEndian ? offset : offset + 4, value - high * 2 ** 32, littleEndian);
    place.setInt32(littleEndian ? offset + 4 : offset, high, littleEndian);
  } else if (width === 4) place.setInt32(offset, value, littleEndian);
  else if (width === 2) place.setInt16(offset, value, littleEndian);
  else place.setInt8(offset, value);
}

/** Signed. */
function readInteger(view: DataView, at: number, width: 1 | 2 | 4 | 8, littleEndian: boolean): number {
  switch (width) {
    case 1:
      return view.getInt8(at);
    case 2:
      return view.getInt16(at, littleEndian);
    case 4:
      return view.getInt32(at, littleEndian);
    case 8: {
      const low = view.getUint32(littleEndian ? at : at + 4, littleEndian);
      return view.getInt32(littleEndian ? at + 4 : at, littleEndian) * 2 ** 32 + low;
    }
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes of a section that is relocated, and of its relocations: both are read at once. */
const MAX_BYTES = 1 << 28;
