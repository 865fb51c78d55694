/**
 * Which rows of a symbol table decide what a few addresses belong to.
 *
 * A stack has a dozen addresses, a large program a million symbols: to sort them all takes longer than everything else. Of
 * `symbolIndex`'s sweep, the answer at an address depends on three kinds of rows only: those that contain it; those that
 * start where the last symbol before it starts, of which one without a size may reach to it; and those that contain that
 * start, since such a symbol ends where the function around it does. Two passes over the table find them.
 */

import { type ByteSource, ReadBuffer } from "../base/bytes.ts";
import {
  EM_ARM,
  EM_PPC64,
  ET_REL,
  SHF_EXECINSTR,
  SHN_COMMON,
  SHN_LORESERVE,
  SHN_UNDEF,
  STT_FUNC,
  STT_GNU_IFUNC,
  STT_NOTYPE,
} from "./constants.ts";
import type { ElfFile } from "./elf-file.ts";

/** Rows read at once: 3 MB, for which most tables are read once for both passes. */
const CHUNK_ROWS = 1 << 17;
/** Of places that rows are searched around: more are found only in files made for it, whose tables are sorted instead. */
const MAX_STARTS = 1 << 12;

export type RowsAround = {
  /** Row numbers, ascending. */
  rows: Uint32Array;
  /** The start of the last symbol at or before each address, as far as can be told without names. */
  nearest: readonly number[];
};

/**
 * @param rowSize bytes of a row, of a table without extended section indexes.
 * @param addresses ascending.
 * @returns undefined for a file in which a symbol's value is not simply an address, for big-endian ones, and where too much is around.
 */
export function rowsAround(
  elf: ElfFile,
  table: ByteSource,
  rowSize: number,
  addresses: Float64Array,
): RowsAround | undefined {
  const isSimple = elf.type !== ET_REL && elf.machine !== EM_ARM && elf.machine !== EM_PPC64 && elf.sections.length > 0;
  if (!isSimple || !elf.littleEndian || !HOST_IS_LITTLE_ENDIAN) return undefined;
  const nearest = new Float64Array(addresses.length).fill(Number.NEGATIVE_INFINITY);
  const starts = new Set<number>();
  const search = new RowSearch(elf, table, rowSize);
  search.begin(addresses, nearest);
  while (search.next()) {
    const { start, mark } = search;
    if (start > nearest[mark]) nearest[mark] = start;
    if (search.end > addresses[mark] && starts.add(start).size > MAX_STARTS) return undefined;
  }
  const found = [...nearest].filter((start) => start > Number.NEGATIVE_INFINITY);
  for (const start of found) starts.add(start);
  const marks = Float64Array.from(starts).sort();
  const rows: number[] = [];
  // Addresses are whole numbers: above one less than a mark is the mark itself.
  search.begin(
    marks,
    marks.map((start) => start - 1),
  );
  while (search.next()) rows.push(search.row);
  return { rows: Uint32Array.from(rows), nearest: found };
}

/** A pass over the table that stops at rows of interest. */
class RowSearch {
  /** After `next`: the row, its symbol's first address and the one behind it, and the first mark at or behind its start. */
  row = 0;
  start = 0;
  end = 0;
  mark = 0;
  private readonly table: ByteSource;
  private readonly rowSize: number;
  private readonly count: number;
  private readonly is64: boolean;
  /** By section index, whether untyped symbols of it may be labels of code. */
  private readonly labels = new Uint8Array(SHN_LORESERVE).fill(1);
  private marks: Float64Array = new Float64Array(0);
  private floors = this.marks;
  /** Rows [first, last) as words. */
  private first = 0;
  private last = 0;
  private words: Int32Array = new Int32Array(0);
  private readonly room = new ReadBuffer();

  constructor(elf: ElfFile, table: ByteSource, rowSize: number) {
    this.table = table;
    this.rowSize = rowSize;
    this.count = Math.floor(table.size / rowSize);
    this.is64 = elf.is64;
    for (const { index, flags } of elf.sections)
      if (index < SHN_LORESERVE) this.labels[index] = flags & SHF_EXECINSTR ? 1 : 0;
  }

  /**
   * Of interest is a row whose symbol contains the first mark at or behind its start, or starts above that mark's floor.
   *
   * @param marks ascending.
   * @param floors one for each; they may be raised on the way.
   */
  begin(marks: Float64Array, floors: Float64Array): void {
    this.marks = marks;
    this.floors = floors;
    this.row = 0;
  }

  /** Looks at addresses first: all else of a row is seldom needed. */
  next(): boolean {
    const { marks, floors, is64 } = this;
    const count = marks.length;
    const highest = count > 0 ? marks[count - 1] : Number.NEGATIVE_INFINITY;
    const stride = this.rowSize >> 2;
    let { words, first, last } = this;
    for (let row = this.row + 1; row < this.count; row++) {
      if (row < first || row >= last) {
        this.load(row);
        ({ words, first, last } = this);
      }
      const at = (row - first) * stride;
      let start = words[at + (is64 ? 2 : 1)] >>> 0;
      if (is64) start += words[at + 3] * 4294967296;
      if (start > highest) continue;
      let mark = 0;
      for (let high = count - 1; mark < high; ) {
        const middle = (mark + high) >> 1;
        if (marks[middle] < start) mark = middle + 1;
        else high = middle;
      }
      let size = words[at + (is64 ? 4 : 2)] >>> 0;
      if (is64) size += (words[at + 5] >>> 0) * 4294967296;
      const end = start + size;
      if ((start <= floors[mark] && end <= marks[mark]) || !this.isCode(words[at + (is64 ? 1 : 3)])) continue;
      this.row = row;
      this.start = start;
      this.end = end;
      this.mark = mark;
      return true;
    }
    return false;
  }

  /** @param word `st_info`, `st_other` and `st_shndx`, which lie side by side. */
  private isCode(word: number): boolean {
    const type = word & 0xf;
    const section = word >>> 16;
    if (section === SHN_UNDEF || section === SHN_COMMON) return false;
    if (type === STT_NOTYPE) return section < SHN_LORESERVE && this.labels[section] !== 0;
    return type === STT_FUNC || type === STT_GNU_IFUNC;
  }

  private load(row: number): void {
    this.first = row;
    this.last = Math.min(row + CHUNK_ROWS, this.count);
    let bytes = this.room.read(this.table, row * this.rowSize, (this.last - row) * this.rowSize);
    if (bytes.byteOffset % 4 !== 0) bytes = bytes.slice();
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  }
}

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
