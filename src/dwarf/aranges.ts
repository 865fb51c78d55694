/**
 * .debug_aranges: which unit has which addresses, as the compiler stated it (DWARF 5 §6.1.2).
 *
 * Small and quick to read, but not complete: clang writes none by default. Of a unit that it names, it names all code, as
 * it does in each of 11,000 units of a distribution; so other debuggers take it, too.
 */

import { ReadBuffer } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import type { DebugFile } from "./debug-file.ts";
import { MAX_ARANGES } from "./limits.ts";
import { RangeTable } from "./range-table.ts";
import { isTombstone } from "./ranges.ts";
import { reasonOf } from "./reason.ts";
import { SectionCursor } from "./section-cursor.ts";
import { readInitialLength, readSized } from "./unit-header.ts";

/** Bytes fetched at a time: the section is read to its end. */
const WINDOW = 64 * 1024;

export type Aranges = {
  /** The payload is the unit's offset in .debug_info. */
  readonly table: RangeTable;
  /** The units that are named, some more than once. */
  readonly units: readonly number[];
  /** Of these, the ones whose code is all there; none when the section is damaged. */
  readonly complete: ReadonlySet<number>;
  readonly reason: string | undefined;
};

/**
 * Reads the section as far as it is sound; an absent one is empty.
 *
 * @param wanted ascending: then only ranges with one of these addresses are put into the table.
 */
export function readAranges(file: DebugFile, wanted?: Float64Array): Aranges {
  const reader = new ArangesReader(file, wanted);
  const { table, units, complete } = reader;
  let reason: string | undefined;
  try {
    const source = file.source(".debug_aranges");
    if (source !== undefined && source.size > 0)
      reader.readSets(new SectionCursor(source, file.littleEndian, 0, WINDOW, new ReadBuffer()), source.size);
  } catch (error) {
    reason = reasonOf(error);
    complete.clear();
  }
  return { table, units, complete, reason };
}

class ArangesReader {
  readonly table = new RangeTable();
  readonly units: number[] = [];
  readonly complete = new Set<number>();
  private readonly file: DebugFile;
  private readonly wanted: Float64Array | undefined;
  private count = 0;

  constructor(file: DebugFile, wanted: Float64Array | undefined) {
    this.file = file;
    this.wanted = wanted;
  }

  readSets(section: SectionCursor, size: number): void {
    while (section.offset < size) {
      const start = section.offset;
      const header = section.need(32);
      const { length, offsetSize } = readInitialLength(header);
      const end = header.base + header.position + length;
      if (end > size) throw header.malformed(`set of ${length} bytes runs off its section`);
      header.skip(2); // version: 2 in every version of DWARF
      const unit = readSized(header, offsetSize);
      const addressSize = header.u8();
      const segmentSize = header.u8();
      if ((addressSize !== 4 && addressSize !== 8) || segmentSize !== 0) {
        section.seek(end);
        continue;
      }
      this.units.push(unit);
      // Tuples begin at a multiple of their size, counted from the set's beginning.
      const tuple = 2 * addressSize;
      section.seek(Math.min(end, start + Math.ceil((section.offset - start) / tuple) * tuple));
      for (let left = Math.floor((end - section.offset) / tuple); left > 0; ) {
        const { bytes, position, remaining } = section.need(Math.min(left * tuple, WINDOW));
        const here = Math.min(left, Math.floor(remaining / tuple));
        const view = new DataView(bytes.buffer, bytes.byteOffset + position, here * tuple);
        const read = this.readTuples(view, here, addressSize === 8, unit);
        if (read < here) {
          // What ends before its end may have been cut by a linker that zeroed what it dropped.
          if (read === left - 1) this.complete.add(unit);
          break;
        }
        section.seek(section.offset + here * tuple);
        left -= here;
      }
      section.seek(end);
    }
  }

  /** @returns how many there are, up to the pair of zeros that ends a set. */
  private readTuples(view: DataView, count: number, is64: boolean, unit: number): number {
    const { table, wanted, file } = this;
    const { littleEndian } = file;
    const { lowestCode } = file.input;
    for (let i = 0, at = 0; i < count; i++, at += is64 ? 16 : 8) {
      const begin = is64 ? readInt64(view, at, littleEndian) : view.getUint32(at, littleEndian);
      const length = is64 ? readInt64(view, at + 8, littleEndian) : view.getUint32(at + 4, littleEndian);
      if (begin === 0 && length === 0) return i;
      const end = begin + length;
      if (!(begin < end) || isTombstone(begin, is64 ? 8 : 4, lowestCode)) continue;
      if (++this.count > MAX_ARANGES)
        throw new LeaklineError("limit", `${file.name}: .debug_aranges has more than ${MAX_ARANGES} ranges`);
      if (wanted) {
        let next = 0;
        while (next < wanted.length && wanted[next] < begin) next++;
        if (next === wanted.length || wanted[next] >= end) continue;
      }
      table.add(begin, end, unit);
    }
    return count;
  }
}

/** As `Cursor.i64`. */
function readInt64(view: DataView, at: number, littleEndian: boolean): number {
  const low = view.getUint32(littleEndian ? at : at + 4, littleEndian);
  return view.getInt32(littleEndian ? at + 4 : at, littleEndian) * 4294967296 + low;
}
