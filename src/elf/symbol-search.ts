/**
 * Which rows of a symbol table decide what a few addresses belong to.
 *
 * A stack has a dozen addresses, a large program a million symbols: to sort them all takes longer than everything else. Of
 * `symbolIndex`'s sweep, the answer at an address depends on three kinds of rows only: those that contain it; those that
 * start where one of these, or the last symbol before it, starts, since of several names the best is taken, and one
 * without a size may reach to it; and those that contain that start, since such a symbol ends where the function around
 * it does. One pass over the table finds them, and a second one where an address is in a symbol but behind one inside it.
 */

import type { ByteSource } from "../base/bytes.ts";
import { aligned, roomFor, Wasm, type WasmCode, WasmModule } from "../base/wasm.ts";
import { EM_ARM, EM_PPC64, ET_REL, SHF_EXECINSTR, SHN_LORESERVE } from "./constants.ts";
import type { ElfFile } from "./elf-file.ts";
import { ENTRY_SIZE, PLACE_SIZE } from "./symbol-places.ts";
import { CODE } from "./symbol-search-code.ts";

/** Rows read at once: to read them anew for a second pass takes less time than memory for all of them. */
const CHUNK_ROWS = 1 << 13;
/** Addresses to search for; starts around them are more only in files made for it, whose tables are sorted instead. */
const MAX_PLACES = 1 << 14;
/** Rows around them all, at one time: there are more where a linker gave one piece of code thousands of names. */
const MAX_ENTRIES = 1 << 15;

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
  if (!isSimple || !elf.littleEndian) return undefined;
  const search = new SymbolSearch(elf, table, rowSize);
  const around = search.run(addresses);
  if (!around) return undefined;
  const { floors } = around;
  const starts = new Set(around.starts);
  const found = starts.size > new Set(floors).size ? search.run(Float64Array.from(starts).sort()) : around;
  return found && { rows: Uint32Array.from(found.rows).sort(), nearest: floors };
}

/** What assembly/index.ts exports; see there. */
type Code = WasmCode & {
  beginPass(from: number, end: number): void;
  searchRows(
    from: number,
    to: number,
    firstRow: number,
    is64: number,
    places: number,
    count: number,
    labels: number,
  ): number;
};

/** What a pass over the table found: numbers of rows, and where their symbols start; for some addresses, their floors. */
type Pass = { rows: number[]; starts: number[]; floors: number[] };

let module: WasmModule | undefined;

class SymbolSearch {
  private readonly table: ByteSource;
  private readonly rowSize: number;
  private readonly is64: boolean;
  private readonly wasm: Wasm<Code>;
  /** Where things are in memory, in bytes: which sections have code, and the places. */
  private readonly labels: number;
  private readonly places: number;

  constructor(elf: ElfFile, table: ByteSource, rowSize: number) {
    module ??= new WasmModule(CODE);
    this.wasm = new Wasm<Code>(module);
    this.table = table;
    this.rowSize = rowSize;
    this.is64 = elf.is64;
    this.labels = this.wasm.firstFree;
    this.places = this.labels + aligned(SHN_LORESERVE);
    this.wasm.reserve(this.places);
    const { bytes } = this.wasm;
    bytes.fill(1, this.labels, this.labels + SHN_LORESERVE);
    for (const { index, flags } of elf.sections)
      if (index < SHN_LORESERVE) bytes[this.labels + index] = flags & SHF_EXECINSTR ? 1 : 0;
  }

  /** @param addresses ascending. @returns undefined when too much is around them. */
  run(addresses: Float64Array): Pass | undefined {
    const { table, rowSize, wasm, places, labels } = this;
    const { code } = wasm;
    const entries = places + aligned(addresses.length * PLACE_SIZE);
    const rows = entries + MAX_ENTRIES * ENTRY_SIZE;
    if (addresses.length > MAX_PLACES || !wasm.reserve(rows + roomFor(CHUNK_ROWS * rowSize))) return undefined;
    code.beginPass(entries, rows);
    for (const [i, address] of addresses.entries()) this.putPlace(i, address);
    const count = addresses.length > 0 ? Math.floor(table.size / rowSize) : 0;
    for (let row = 1; row < count; row += CHUNK_ROWS) {
      const length = Math.min(CHUNK_ROWS, count - row) * rowSize;
      wasm.putFrom(table, row * rowSize, length, rows);
      const is64 = this.is64 ? 1 : 0;
      if (code.searchRows(rows, rows + length, row, is64, places, addresses.length, labels) === 0) return undefined;
    }
    return this.found(addresses.length);
  }

  private putPlace(index: number, address: number): void {
    const at = this.places + index * PLACE_SIZE;
    const { numbers, words } = this.wasm;
    numbers[at / 8] = address;
    numbers[at / 8 + 1] = Number.NEGATIVE_INFINITY;
    words[at / 4 + 4] = 0;
  }

  private found(placeCount: number): Pass {
    const pass: Pass = { rows: [], starts: [], floors: [] };
    const { numbers, words } = this.wasm;
    for (let place = 0; place < placeCount; place++) {
      const at = this.places + place * PLACE_SIZE;
      let entry = words[at / 4 + 4];
      if (entry !== 0) pass.floors.push(numbers[at / 8 + 1]);
      for (; entry !== 0; entry = words[entry / 4 + 6]) {
        pass.rows.push(numbers[entry / 8]);
        pass.starts.push(numbers[entry / 8 + 1]);
      }
    }
    return pass;
  }
}
