/**
 * Symbol tables (gABI 4, "Symbol Table"): `.symtab` and `.dynsym`, as columns in file order.
 *
 * A large program has a million symbols, so there is no object for each: a row is an index into typed arrays, and its
 * name is read from the file when somebody asks for it.
 */

import { type ByteSource, decodeText, memorySource, readCString } from "../base/bytes.ts";
import { LeaklineError, MalformedError } from "../base/errors.ts";
import { ReadWindow } from "../base/read-window.ts";
import { SHN_LORESERVE, SHN_XINDEX, SHT_DYNSYM, SHT_SYMTAB, SHT_SYMTAB_SHNDX } from "./constants.ts";
import { findDynamicSymbols } from "./dynamic.ts";
import type { ElfFile } from "./elf-file.ts";
import { rowsAround } from "./symbol-search.ts";
import { readSymbolVersions, type SymbolVersions } from "./symbol-versions.ts";

export type SymbolSource = ".symtab" | ".dynsym";

/** Where a symbol table is: its rows, their strings, and the indexes that do not fit a row. */
type Location = { rows: ByteSource; strings: ByteSource; extended: ByteSource | undefined };

/**
 * Reads one symbol table.
 *
 * `.dynsym` is found through PT_DYNAMIC when the file has no section headers.
 *
 * @returns undefined when the file has no such table.
 * @throws MalformedError when it is damaged, LeaklineError `limit` when it is larger than 256 MiB.
 */
export function readSymbols(elf: ElfFile, source: SymbolSource): SymbolTable | undefined {
  const found = checkedLocation(elf, source);
  if (!found) return undefined;
  const location = { ...found, strings: atHand(found.strings) };
  const table = new SymbolTable(elf, source, location, Math.floor(location.rows.size / symbolSize(elf.is64)));
  fillColumns(table, location, elf.is64, elf.littleEndian);
  return table;
}

/**
 * As `readSymbols`, but only the rows that decide what a few addresses belong to, in file order, behind an empty one.
 *
 * @param addresses ascending.
 * @returns undefined also when the rows cannot be told without the whole table.
 */
export function readSymbolsAround(
  elf: ElfFile,
  source: SymbolSource,
  addresses: Float64Array,
): { table: SymbolTable; nearest: readonly number[] } | undefined {
  const location = checkedLocation(elf, source);
  if (!location || location.extended) return undefined;
  const window = new ReadWindow(1 << 14);
  const rowSize = symbolSize(elf.is64);
  const around = rowsAround(elf, location.rows, rowSize, addresses);
  if (!around) return undefined;
  const table = new SymbolTable(elf, source, location, around.rows.length + 1);
  for (const [i, row] of around.rows.entries())
    fillRow(table, i + 1, viewOf(window.read(location.rows, row * rowSize, rowSize)), 0, elf.is64, elf.littleEndian);
  return { table, nearest: around.nearest };
}

/** Columns of one length: row *i* of each is symbol *i*, the empty one at 0 included. */
export class SymbolTable {
  readonly source: SymbolSource;
  readonly count: number;
  /** `st_value`: mostly a virtual address; in a relocatable file an offset into the symbol's section. */
  readonly values: Float64Array;
  /** `st_size` in bytes, 0 for unknown. */
  readonly sizes: Float64Array;
  /** `st_name`, an offset into the string table. */
  readonly nameOffsets: Uint32Array;
  /** `st_info`; see `type` and `bind`. */
  readonly info: Uint8Array;
  /** `st_other`; see `visibility`. */
  readonly other: Uint8Array;
  /** Index of the symbol's section. Reserved ones are negative, so that a file with 65,521 sections is not mistaken: SHN_ABS is 0xfff1 - 0x10000. */
  readonly sectionIndexes: Int32Array;

  private readonly elf: ElfFile;
  private readonly strings: ByteSource;
  private versions: SymbolVersions | undefined;

  constructor(elf: ElfFile, source: SymbolSource, { strings }: Location, count: number) {
    this.elf = elf;
    this.source = source;
    this.strings = strings;
    this.count = count;
    this.values = new Float64Array(this.count);
    this.sizes = new Float64Array(this.count);
    this.nameOffsets = new Uint32Array(this.count);
    this.info = new Uint8Array(this.count);
    this.other = new Uint8Array(this.count);
    this.sectionIndexes = new Int32Array(this.count);
  }

  /** Of its strings, in memory. */
  get stringBytes(): number {
    return this.strings.readInto ? 0 : this.strings.size;
  }

  /** `STT_*` */
  type(row: number): number {
    return this.info[row] & 0xf;
  }

  /** `STB_*` */
  bind(row: number): number {
    return this.info[row] >> 4;
  }

  /** `STV_*` */
  visibility(row: number): number {
    return this.other[row] & 3;
  }

  /** The symbol's name as the string table has it; empty when it has none or the string is damaged. */
  name(row: number): string {
    const offset = this.nameOffsets[row];
    if (offset === 0) return "";
    try {
      return decodeText(readCString(this.strings, offset, MAX_NAME));
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      return "";
    }
  }

  /** The first three bytes of the name, to tell kinds of name apart without reading long ones. */
  namePrefix(row: number): string {
    const offset = this.nameOffsets[row];
    if (offset >= this.strings.size) return "";
    const bytes = this.strings.read(offset, Math.min(3, this.strings.size - offset));
    const end = bytes.indexOf(0);
    return decodeText(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /**
   * The rows whose names are in `names`, in file order. Reads the string table from front to back, which for
   * a large program is ten times faster than asking each row for its name.
   */
  rowsNamed(names: ReadonlySet<string>): number[] {
    const wanted = new Set<number>();
    let longest = 0;
    for (const name of names) {
      const bytes = new TextEncoder().encode(name);
      wanted.add(hashName(bytes, 0, bytes.length));
      longest = Math.max(longest, bytes.length);
    }
    const rows: number[] = [];
    for (const { bytes, first, end } of this.windows(longest)) {
      for (let row = 1; row < this.count; row++) {
        const offset = this.nameOffsets[row];
        if (offset < first || offset >= end || offset === 0) continue;
        if (wanted.has(hashName(bytes, offset - first, longest)) && names.has(this.name(row))) rows.push(row);
      }
    }
    return this.strings.size > WINDOW ? rows.sort((a, b) => a - b) : rows;
  }

  /**
   * Hands every row with its name to `visit`, as quickly as `rowsNamed`; in no particular order. Names longer than
   * 4096 bytes are passed over.
   *
   * @throws LeaklineError `limit` when the names come to more than 1 GiB: each may be the tail of another.
   */
  forEachName(visit: (row: number, name: string) => void): void {
    let left = MAX_NAMES;
    for (const { bytes, first, end } of this.windows(MAX_VISITED)) {
      for (let row = 1; row < this.count; row++) {
        const offset = this.nameOffsets[row];
        if (offset < first || offset >= end || offset === 0) continue;
        const start = offset - first;
        let stop = start;
        while (stop < bytes.length && bytes[stop] !== 0 && stop - start <= MAX_VISITED) stop++;
        left -= stop - start;
        if (left < 0) throw new LeaklineError("limit", `${this.strings.name}: more than ${MAX_NAMES} bytes of names`);
        if (stop > start && stop - start <= MAX_VISITED) visit(row, decodeText(bytes.subarray(start, stop)));
      }
    }
  }

  /** The string table piece by piece, each with `more` bytes of the next: a name may begin in one and end behind it. */
  private *windows(more: number): Generator<{ bytes: Uint8Array; first: number; end: number }> {
    for (let first = 0; first < this.strings.size; first += WINDOW) {
      const end = Math.min(first + WINDOW, this.strings.size);
      yield { bytes: this.strings.read(first, Math.min(end + more + 1, this.strings.size) - first), first, end };
    }
  }

  /**
   * The name with its version in the notation of linkers: `puts@@GLIBC_2.2.5` for a default definition, `puts@…` for
   * a hidden one or a reference.
   */
  versionedName(row: number): string {
    const name = this.name(row);
    if (this.source !== ".dynsym" || name === "") return name;
    this.versions ??= readSymbolVersions(this.elf);
    return name + this.versions.suffix(row, name, this.sectionIndexes[row]);
  }
}

/** FNV-1a of the string at `offset`; of one longer than `longest` bytes, of no use. */
function hashName(bytes: Uint8Array, offset: number, longest: number): number {
  const end = Math.min(bytes.length, offset + longest + 1);
  let hash = 0x811c9dc5;
  for (let at = offset; at < end && bytes[at] !== 0; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193);
  return hash;
}

/** Symbol table entries in the two classes. */
function symbolSize(is64: boolean): number {
  return is64 ? 24 : 16;
}

/** @throws LeaklineError */
function checkedLocation(elf: ElfFile, source: SymbolSource): Location | undefined {
  const location = locateSymbols(elf, source);
  if (location && location.rows.size > MAX_TABLE)
    throw new LeaklineError("limit", `${location.rows.name}: more than ${MAX_TABLE} bytes of symbols`);
  return location;
}

/** Strings of a small file, in memory as a whole: names are read in the order of addresses, which is none of strings. */
function atHand(strings: ByteSource): ByteSource {
  return strings.size <= MAX_AT_HAND ? memorySource(strings.name, strings.read(0, strings.size)) : strings;
}

function locateSymbols(elf: ElfFile, source: SymbolSource): Location | undefined {
  const type = source === ".symtab" ? SHT_SYMTAB : SHT_DYNSYM;
  const section = elf.sections.find((candidate) => candidate.type === type);
  if (!section) return source === ".dynsym" && elf.sections.length === 0 ? findDynamicSymbols(elf) : undefined;
  if (section.entrySize !== symbolSize(elf.is64))
    throw new MalformedError(elf.name, section.name, 0, `entries of ${section.entrySize} bytes`);
  const rows = elf.sectionData(section);
  const strings = elf.sections[section.link] && elf.sectionData(elf.sections[section.link]);
  if (!rows || !strings) throw new MalformedError(elf.name, section.name, 0, "the symbols have no string table");
  const extension = elf.sections.find(
    (candidate) => candidate.type === SHT_SYMTAB_SHNDX && candidate.link === section.index,
  );
  return { rows, strings, extended: extension && elf.sectionData(extension) };
}

function fillColumns(table: SymbolTable, { rows, extended }: Location, is64: boolean, littleEndian: boolean): void {
  const rowSize = symbolSize(is64);
  for (let first = 0; first < table.count; first += CHUNK_ROWS) {
    const count = Math.min(CHUNK_ROWS, table.count - first);
    const view = viewOf(rows.read(first * rowSize, count * rowSize));
    for (let i = 0; i < count; i++) fillRow(table, first + i, view, i * rowSize, is64, littleEndian);
  }
  if (!extended) return;
  for (let row = 0; row < table.count; row++)
    if (table.sectionIndexes[row] === SHN_XINDEX - 0x10000 && row * 4 + 4 <= extended.size)
      table.sectionIndexes[row] = viewOf(extended.read(row * 4, 4)).getUint32(0, littleEndian);
}

function fillRow(
  table: SymbolTable,
  row: number,
  view: DataView,
  at: number,
  is64: boolean,
  littleEndian: boolean,
): void {
  const section = view.getUint16(at + (is64 ? 6 : 14), littleEndian);
  table.sectionIndexes[row] = section >= SHN_LORESERVE ? section - 0x10000 : section;
  table.nameOffsets[row] = view.getUint32(at, littleEndian);
  if (is64) {
    table.info[row] = view.getUint8(at + 4);
    table.other[row] = view.getUint8(at + 5);
    table.values[row] = int64(view, at + 8, littleEndian);
    const size = int64(view, at + 16, littleEndian);
    table.sizes[row] = size < 0 ? size + 2 ** 64 : size;
  } else {
    table.values[row] = view.getUint32(at + 4, littleEndian);
    table.sizes[row] = view.getUint32(at + 8, littleEndian);
    table.info[row] = view.getUint8(at + 12);
    table.other[row] = view.getUint8(at + 13);
  }
}

function int64(view: DataView, at: number, littleEndian: boolean): number {
  const low = view.getUint32(littleEndian ? at : at + 4, littleEndian);
  return view.getInt32(littleEndian ? at + 4 : at, littleEndian) * 4294967296 + low;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Longest name that is read, in bytes: mangled C++ reaches tens of thousands. */
const MAX_NAME = 1 << 18;
/** Bytes of strings that are kept. */
const MAX_AT_HAND = 1 << 20;
/** Bytes of strings in memory at once. */
const WINDOW = 1 << 24;
/** Longest name that `forEachName` gives, and most bytes of names, in all. */
const MAX_VISITED = 4096;
const MAX_NAMES = 1 << 30;
/** Eleven million symbols. */
const MAX_TABLE = 1 << 28;
/** Rows read at once: the raw table need not be in memory as a whole. */
const CHUNK_ROWS = 1 << 14;
