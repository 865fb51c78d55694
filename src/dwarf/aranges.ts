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

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
/** Ranges are sorted out by pages of 2 to the power of this; most are shorter. */
const PAGE_BITS = 16;
/** Bytes of a set that is read as a whole: an object file of 65,000 functions. */
const LARGE_SET = 1 << 20;
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
  /** By the low 32 bits of an address, without the lowest of these: whether a wanted one may be in that page, or the next. */
  private readonly near: Uint8Array | undefined;
  private count = 0;

  constructor(file: DebugFile, wanted: Float64Array | undefined) {
    this.file = file;
    this.wanted = wanted;
    if (!wanted) return;
    this.near = new Uint8Array(2 ** (32 - PAGE_BITS));
    for (const address of wanted) this.near[(address | 0) >>> PAGE_BITS] = 1;
    for (const address of wanted) this.near[((address | 0) - (1 << PAGE_BITS)) >>> PAGE_BITS] = 1;
  }

  readSets(section: SectionCursor, size: number): void {
    while (section.offset < size) {
      if (this.readPlainSets(section)) continue;
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

  /**
   * Reads the sets at hand that are of the kind that there is on 64-bit machines, and not too large for a window: as words,
   * in one loop. A stack has to wait for all of the section, and nothing is compiled yet when it does.
   *
   * @returns false when the first set is not one of these.
   */
  private readPlainSets(section: SectionCursor): boolean {
    if (!HOST_IS_LITTLE_ENDIAN || !this.file.littleEndian) return false;
    const first = section.need(32);
    const start = first.position;
    const needed = 4 + (first.remaining < 4 ? 0 : first.u32());
    first.position = start;
    const { bytes, position, end: limit } = needed <= LARGE_SET ? section.need(needed) : first;
    if ((bytes.byteOffset + position) % 4 !== 0) return false;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + position, (limit - position) >> 2);
    const { near, units, complete } = this;
    const count = words.length;
    let at = 0;
    // Length, version (16 bits), offset of the unit (32), sizes of addresses and segments (8 each); then tuples at a multiple of 16.
    while (at + 4 <= count) {
      const length = words[at];
      const end = at + 1 + (length >> 2);
      // A negative length announces 64-bit offsets.
      if (length < 12 || length % 4 !== 0 || end > count || words[at + 2] >>> 16 !== 8) break;
      const unit = (words[at + 1] >>> 16) + (words[at + 2] & 0xffff) * 65536;
      units.push(unit);
      at += 4;
      for (; at + 4 <= end; at += 4) {
        const low = words[at];
        const size = words[at + 2];
        if (low === 0 && size === 0 && words[at + 1] === 0 && words[at + 3] === 0) break;
        // Nearly all are passed here, without a number that V8 would have to allocate.
        if (near !== undefined && near[low >>> PAGE_BITS] === 0 && size >>> PAGE_BITS === 0 && words[at + 3] === 0)
          continue;
        const begin = words[at + 1] * 4294967296 + (low >>> 0);
        this.take(begin, words[at + 3] * 4294967296 + (size >>> 0), 8, unit);
      }
      // What ends before its end may have been cut by a linker that zeroed what it dropped.
      if (at + 4 <= end && at + 8 > end) complete.add(unit);
      at = end;
    }
    section.seek(section.offset + 4 * at);
    return at > 0;
  }

  /** @returns how many there are, up to the pair of zeros that ends a set. */
  private readTuples(view: DataView, count: number, is64: boolean, unit: number): number {
    const { littleEndian } = this.file;
    for (let i = 0, at = 0; i < count; i++, at += is64 ? 16 : 8) {
      const begin = is64 ? readInt64(view, at, littleEndian) : view.getUint32(at, littleEndian);
      const size = is64 ? readInt64(view, at + 8, littleEndian) : view.getUint32(at + 4, littleEndian);
      if (begin === 0 && size === 0) return i;
      this.take(begin, size, is64 ? 8 : 4, unit);
    }
    return count;
  }

  /** Puts a range into the table, if it is one, and wanted. */
  private take(begin: number, size: number, addressSize: number, unit: number): void {
    const { wanted, file } = this;
    const end = begin + size;
    if (!(begin < end) || isTombstone(begin, addressSize, file.input.lowestCode)) return;
    if (wanted) {
      let next = 0;
      while (next < wanted.length && wanted[next] < begin) next++;
      if (next === wanted.length || wanted[next] >= end) return;
    }
    if (++this.count > MAX_ARANGES)
      throw new LeaklineError("limit", `${file.name}: .debug_aranges has more than ${MAX_ARANGES} ranges`);
    this.table.add(begin, end, unit);
  }
}

/** As `Cursor.i64`. */
function readInt64(view: DataView, at: number, littleEndian: boolean): number {
  const low = view.getUint32(littleEndian ? at : at + 4, littleEndian);
  return view.getInt32(littleEndian ? at + 4 : at, littleEndian) * 4294967296 + low;
}
