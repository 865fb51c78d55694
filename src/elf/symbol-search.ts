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

/** Rows read at once. */
const CHUNK_ROWS = 1 << 12;
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
 * @returns undefined for a file in which a symbol's value is not simply an address, or too much is around them.
 */
export function rowsAround(
  elf: ElfFile,
  table: ByteSource,
  rowSize: number,
  addresses: Float64Array,
): RowsAround | undefined {
  const isSimple = elf.type !== ET_REL && elf.machine !== EM_ARM && elf.machine !== EM_PPC64 && elf.sections.length > 0;
  if (!isSimple) return undefined;
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
  private readonly littleEndian: boolean;
  /** By section index, whether untyped symbols of it may be labels of code. */
  private readonly labels = new Uint8Array(SHN_LORESERVE).fill(1);
  private marks: Float64Array = new Float64Array(0);
  private floors = this.marks;
  /** Rows [first, last) are in the view. */
  private first = 0;
  private last = 0;
  private readonly room = new ReadBuffer();
  private view: DataView = new DataView(new ArrayBuffer(0));

  constructor(elf: ElfFile, table: ByteSource, rowSize: number) {
    this.table = table;
    this.rowSize = rowSize;
    this.count = Math.floor(table.size / rowSize);
    this.is64 = elf.is64;
    this.littleEndian = elf.littleEndian;
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

  next(): boolean {
    const { marks, floors, rowSize, is64, littleEndian, labels } = this;
    const count = marks.length;
    const [lowHalf, highHalf] = littleEndian ? [0, 4] : [4, 0];
    const highest = count > 0 ? marks[count - 1] : Number.NEGATIVE_INFINITY;
    for (let row = this.row + 1; row < this.count; row++) {
      if (row < this.first || row >= this.last) this.load(row);
      const { view } = this;
      const at = (row - this.first) * rowSize;
      const type = view.getUint8(at + (is64 ? 4 : 12)) & 0xf;
      if (type !== STT_FUNC && type !== STT_GNU_IFUNC && type !== STT_NOTYPE) continue;
      const section = view.getUint16(at + (is64 ? 6 : 14), littleEndian);
      if (section === SHN_UNDEF || section === SHN_COMMON) continue;
      if (type === STT_NOTYPE && (section >= SHN_LORESERVE || labels[section] === 0)) continue;
      let start: number;
      let end: number;
      if (is64) {
        start =
          view.getInt32(at + 8 + highHalf, littleEndian) * 4294967296 + view.getUint32(at + 8 + lowHalf, littleEndian);
        end =
          start +
          (view.getUint32(at + 16 + highHalf, littleEndian) * 4294967296 +
            view.getUint32(at + 16 + lowHalf, littleEndian));
      } else {
        start = view.getUint32(at + 4, littleEndian);
        end = start + view.getUint32(at + 8, littleEndian);
      }
      if (start > highest) continue;
      let mark = 0;
      for (let high = count - 1; mark < high; ) {
        const middle = (mark + high) >> 1;
        if (marks[middle] < start) mark = middle + 1;
        else high = middle;
      }
      if (start <= floors[mark] && end <= marks[mark]) continue;
      this.row = row;
      this.start = start;
      this.end = end;
      this.mark = mark;
      return true;
    }
    return false;
  }

  private load(row: number): void {
    this.first = row;
    this.last = Math.min(row + CHUNK_ROWS, this.count);
    const bytes = this.room.read(this.table, row * this.rowSize, (this.last - row) * this.rowSize);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
