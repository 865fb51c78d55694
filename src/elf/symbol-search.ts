/**
 * Which rows of a symbol table decide what a few addresses belong to.
 *
 * A stack has a dozen addresses, a large program a million symbols: to sort them all takes longer than everything else. Of
 * `symbolIndex`'s sweep, the answer at an address depends on three kinds of rows only: those that contain it; those that
 * start where the last symbol before it starts, of which one without a size may reach to it; and those that contain that
 * start, since such a symbol ends where the function around it does. Two passes over the table find them.
 */

import type { ByteSource } from "../base/bytes.ts";
import { aligned, roomFor, Wasm, type WasmCode, WasmModule, type WasmVariable } from "../base/wasm.ts";
import { WasmWindow } from "../base/wasm-window.ts";
import { EM_ARM, EM_PPC64, ET_REL, SHF_EXECINSTR, SHN_LORESERVE } from "./constants.ts";
import type { ElfFile } from "./elf-file.ts";
import { CODE } from "./symbol-search-code.ts";

/** Rows read at once: to read them anew for the second pass takes less time than memory for all of them. */
const CHUNK_ROWS = 1 << 13;
/** Of places that rows are searched around: more are found only in files made for it, whose tables are sorted instead. */
const MAX_STARTS = 1 << 14;
/** Marks of a pass: addresses, or starts around them. */
const MAX_MARKS = MAX_STARTS + (1 << 12);

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
  if (!isSimple || !elf.littleEndian || addresses.length > MAX_MARKS - MAX_STARTS) return undefined;
  const search = new RowSearch(elf, table, rowSize);
  const starts = new Set<number>();
  const below = new Float64Array(addresses.length).fill(Number.NEGATIVE_INFINITY);
  search.begin(addresses, below);
  while (search.next(true)) if (starts.add(search.start).size > MAX_STARTS) return undefined;
  const nearest = [...search.floors].filter((start) => start > Number.NEGATIVE_INFINITY);
  for (const start of nearest) starts.add(start);
  const marks = Float64Array.from(starts).sort();
  const rows: number[] = [];
  // Addresses are whole numbers: above one less than a mark is the mark itself.
  search.begin(
    marks,
    marks.map((start) => start - 1),
  );
  while (search.next(false)) rows.push(search.row);
  return { rows: Uint32Array.from(rows), nearest };
}

/** What assembly/index.ts exports; see there. */
type Code = WasmCode & {
  readonly start: WasmVariable;
  nextRow(
    from: number,
    to: number,
    is64: number,
    marks: number,
    floors: number,
    count: number,
    labels: number,
    raises: number,
  ): number;
};

let module: WasmModule | undefined;

/** A pass over the table that stops at rows of interest. */
class RowSearch {
  /** After `next`: the row, and its symbol's first address. */
  row = 0;
  start = 0;
  private readonly table: ByteSource;
  private readonly rowSize: number;
  private readonly count: number;
  private readonly is64: boolean;
  private readonly wasm: Wasm<Code>;
  private markCount = 0;
  // Where things are in memory, in bytes: which sections have code, marks, their floors; and rows [first, last).
  private readonly labels: number;
  private readonly marks: number;
  private readonly floorsAt: number;
  private rows = 0;
  private first = 0;
  private last = 0;
  private readonly window: WasmWindow;

  constructor(elf: ElfFile, table: ByteSource, rowSize: number) {
    module ??= new WasmModule(CODE);
    this.wasm = new Wasm<Code>(module);
    this.table = table;
    this.rowSize = rowSize;
    this.count = Math.floor(table.size / rowSize);
    this.is64 = elf.is64;
    this.labels = this.wasm.firstFree;
    this.marks = this.labels + aligned(SHN_LORESERVE);
    this.floorsAt = this.marks + 8 * MAX_MARKS;
    const end = this.floorsAt + 8 * MAX_MARKS;
    this.wasm.reserve(end);
    this.window = new WasmWindow(this.wasm, end);
    const { bytes } = this.wasm;
    bytes.fill(1, this.labels, this.labels + SHN_LORESERVE);
    for (const { index, flags } of elf.sections)
      if (index < SHN_LORESERVE) bytes[this.labels + index] = flags & SHF_EXECINSTR ? 1 : 0;
  }

  /**
   * Of interest is a row whose symbol contains the first mark at or behind its start, or starts above that mark's floor.
   *
   * @param marks ascending.
   * @param floors one for each.
   */
  begin(marks: Float64Array, floors: Float64Array): void {
    const { numbers } = this.wasm;
    numbers.set(marks, this.marks / 8);
    numbers.set(floors, this.floorsAt / 8);
    this.markCount = marks.length;
    this.row = 0;
  }

  /** Of the first pass: the start of the last symbol at or before each mark. */
  get floors(): Float64Array {
    return this.wasm.numbers.subarray(this.floorsAt / 8, this.floorsAt / 8 + this.markCount);
  }

  /** @param raises floors, by rows above them, which then are of no interest otherwise. */
  next(raises: boolean): boolean {
    const { wasm, is64, markCount, rowSize } = this;
    const { code } = wasm;
    if (markCount === 0) return false;
    for (let row = this.row + 1; row < this.count; row = this.last) {
      if (row < this.first || row >= this.last) this.load(row);
      const end = this.rows + (this.last - this.first) * rowSize;
      const from = this.rows + (row - this.first) * rowSize;
      const { marks, floorsAt, labels } = this;
      const found = code.nextRow(from, end, is64 ? 1 : 0, marks, floorsAt, markCount, labels, raises ? 1 : 0);
      if (found === end) continue;
      this.row = this.first + (found - this.rows) / rowSize;
      this.start = code.start.value;
      return true;
    }
    return false;
  }

  private load(row: number): void {
    const { wasm, window } = this;
    this.first = this.last = row;
    const last = Math.min(row + CHUNK_ROWS, this.count);
    const bytes = window.read(this.table, row * this.rowSize, (last - row) * this.rowSize);
    this.rows = window.has(bytes) ? bytes.byteOffset : window.end;
    if (!window.has(bytes)) {
      wasm.reserve(this.rows + roomFor(bytes.length));
      wasm.put(bytes, this.rows);
    }
    this.last = last;
  }
}
