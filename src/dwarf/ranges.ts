/**
 * The addresses that a DIE covers: low and high PC, or a range list (DWARF 5 §2.17, §7.25, §7.28; DWARF 4 §2.17.3).
 *
 * Code that the linker dropped leaves its ranges behind. Linkers mark them with an address that no code has: 0 or 1
 * (GNU), -1, or -2 in .debug_ranges, where -1 has another meaning (LLD). Those never enter a table.
 */

import type { Cursor } from "../base/cursor.ts";
import { LeaklineError } from "../base/errors.ts";
import { PLACE_ENTRY, PLACE_HIGH, PLACE_LOW, PLACE_RANGES, PLACES } from "./abbreviation-layout.ts";
import { type AttributeValue, readForm, readIndirectForm } from "./attributes.ts";
import * as dw from "./constants.ts";
import { Float64List } from "./growable.ts";
import { FREE_RANGE_ENTRIES, MAX_RANGE_ENTRIES } from "./limits.ts";
import { readInteger, type Unit } from "./unit.ts";
import { readSized, type UnitShape } from "./unit-header.ts";

/** No form has this number. */
const ABSENT = 0;

/** The attributes of a subprogram or inlined subroutine that say where its code is. Reused from DIE to DIE. */
export class CodeRanges {
  /** Begin and end of each range by turns, in the order of the file. */
  readonly pairs = new Float64List();
  /** Begin and end likewise of ranges that the linker dropped. */
  readonly dropped = new Float64List();
  /** Where the code is entered: DW_AT_entry_pc, else DW_AT_low_pc, else the first range's begin (§2.18). */
  entry: number | undefined;
  /** Where in its section the list was that was read last, of which a DIE had the offset itself. */
  listOffset: number | undefined;
  /** Range list entries read so far. */
  entries = 0;
  private readonly limit: number;
  // The attributes of the current DIE, each with its form.
  private lowForm = ABSENT;
  private low = 0;
  private highForm = ABSENT;
  private high = 0;
  private rangesForm = ABSENT;
  private ranges = 0;
  private entryForm = ABSENT;
  private entryPc = 0;

  /** @param limit range list entries that may be read, over all DIEs. */
  constructor(limit = MAX_RANGE_ENTRIES) {
    this.limit = limit;
  }

  /**
   * Reads the ranges that the attributes of a DIE state. Makes no object: it is a hot loop.
   *
   * @param index of the DIE's abbreviation.
   * @param cursor where its attributes begin.
   */
  readFrom(unit: Unit, index: number, cursor: Cursor): void {
    this.clear();
    const { abbreviations, header } = unit;
    const { words } = abbreviations;
    const record = abbreviations.record(index);
    if (words[record + PLACES] === 1) {
      this.readByPlace(cursor, header, words, record);
      this.set(unit);
      return;
    }
    const end = abbreviations.firstAttribute(index + 1);
    for (let i = abbreviations.firstAttribute(index); i < end; i++) {
      let form = abbreviations.attributeForm(i);
      if (form === dw.DW_FORM_indirect) form = readIndirectForm(cursor);
      const isConst = form === dw.DW_FORM_implicit_const;
      const value = isConst ? abbreviations.implicitConst(i) : readForm(cursor, form, header);
      this.note(abbreviations.attributeName(i), form, value);
    }
    this.set(unit);
  }

  /** Becomes what `readFrom` makes of a DIE that says only from where to where its code is. */
  setPlain(low: number, high: number): void {
    this.clear();
    this.pairs.push(low);
    this.pairs.push(high);
    this.entry = low;
  }

  /** Nearly every compiler puts them where only the abbreviation decides. */
  private readByPlace(cursor: Cursor, shape: UnitShape, words: Int32Array, record: number): void {
    const { position } = cursor;
    const low = words[record + PLACE_LOW];
    if (low >= 0) {
      cursor.seek(position + low);
      this.lowForm = words[record + PLACE_LOW + 1];
      this.low = readForm(cursor, this.lowForm, shape);
    }
    const high = words[record + PLACE_HIGH];
    if (high >= 0) {
      cursor.seek(position + high);
      this.highForm = words[record + PLACE_HIGH + 1];
      this.high = readForm(cursor, this.highForm, shape);
    }
    const ranges = words[record + PLACE_RANGES];
    if (ranges >= 0) {
      cursor.seek(position + ranges);
      this.rangesForm = words[record + PLACE_RANGES + 1];
      this.ranges = readForm(cursor, this.rangesForm, shape);
    }
    const entry = words[record + PLACE_ENTRY];
    if (entry >= 0) {
      cursor.seek(position + entry);
      this.entryForm = words[record + PLACE_ENTRY + 1];
      this.entryPc = readForm(cursor, this.entryForm, shape);
    }
  }

  /** Reads the ranges that a DIE states. */
  read(unit: Unit, attributes: ReadonlyMap<number, AttributeValue>): void {
    this.clear();
    for (const name of [dw.DW_AT_low_pc, dw.DW_AT_high_pc, dw.DW_AT_ranges, dw.DW_AT_entry_pc]) {
      const attribute = attributes.get(name);
      if (attribute) this.note(name, attribute.form, attribute.value);
    }
    this.set(unit);
  }

  private clear(): void {
    this.pairs.length = 0;
    this.dropped.length = 0;
    this.listOffset = undefined;
    this.lowForm = ABSENT;
    this.highForm = ABSENT;
    this.rangesForm = ABSENT;
    this.entryForm = ABSENT;
  }

  /** Of an attribute that occurs twice, the first counts. */
  private note(name: number, form: number, value: number): void {
    if (name === dw.DW_AT_low_pc && this.lowForm === ABSENT) {
      this.lowForm = form;
      this.low = value;
    } else if (name === dw.DW_AT_high_pc && this.highForm === ABSENT) {
      this.highForm = form;
      this.high = value;
    } else if (name === dw.DW_AT_ranges && this.rangesForm === ABSENT) {
      this.rangesForm = form;
      this.ranges = value;
    } else if (name === dw.DW_AT_entry_pc && this.entryForm === ABSENT) {
      this.entryForm = form;
      this.entryPc = value;
    }
  }

  private set(unit: Unit): void {
    const low = this.lowForm === ABSENT ? undefined : unit.addressOf(this.lowForm, this.low);
    if (this.rangesForm !== ABSENT) readRangeList(unit, this.rangesForm, this.ranges, this);
    else if (low !== undefined && this.highForm !== ABSENT)
      this.add(unit, low, unit.addressOf(this.highForm, this.high) ?? low + this.high);
    const entry =
      this.entryForm === ABSENT
        ? undefined
        : (unit.addressOf(this.entryForm, this.entryPc) ?? (low ?? unit.base) + this.entryPc);
    this.entry = entry ?? low ?? (this.pairs.length > 0 ? this.pairs.values[0] : undefined);
  }

  /**
   * Counts one more range list entry.
   *
   * @throws LeaklineError `limit`: many DIEs that share one long list would otherwise cost more than any file is long.
   */
  count(unit: Unit, sectionSize: number): void {
    const limit = Math.min(this.limit, maxRangeEntries(sectionSize));
    if (++this.entries > limit)
      throw new LeaklineError("limit", `${unit.file.name}: ${unit.name}: more than ${limit} ranges`);
  }

  /** Adds [begin, end); an empty range is left out. */
  add(unit: Unit, begin: number, end: number): void {
    if (!(begin < end)) return;
    const into = isDropped(unit, begin) ? this.dropped : this.pairs;
    into.push(begin);
    into.push(end);
  }
}

/** Entries that the DIEs of a unit may refer to, in a section of this size in bytes. */
export function maxRangeEntries(sectionSize: number): number {
  return Math.min(MAX_RANGE_ENTRIES, sectionSize + FREE_RANGE_ENTRIES);
}

/** Whether code that begins at this address was dropped by the linker. */
function isDropped(unit: Unit, begin: number): boolean {
  return isTombstone(begin, unit.main.header.addressSize, unit.main.file.input.lowestCode);
}

/** As `isDropped`, for addresses of this size in bytes in a file whose code begins at `lowestCode`. */
export function isTombstone(begin: number, addressSize: number, lowestCode: number | undefined): boolean {
  const highest = addressSize === 4 ? 0xffffffff : -1;
  if (begin === highest || begin === highest - 1) return true;
  return lowestCode === undefined ? begin === 0 || begin === 1 : begin < lowestCode;
}

function readRangeList(unit: Unit, form: number, value: number, into: CodeRanges): void {
  if (unit.header.version < 5) {
    readDebugRanges(unit, value, into);
    if (unit === unit.main) into.listOffset = value;
    return;
  }
  const offset = rngListOffset(unit, form, value);
  readRngList(unit, offset, into);
  if (form === dw.DW_FORM_sec_offset) into.listOffset = offset;
}

/** A list of .debug_ranges (DWARF 4 §2.17.3): pairs that count from a base. */
function readDebugRanges(unit: Unit, value: number, into: CodeRanges): void {
  const { main } = unit;
  // GNU's split units count from DW_AT_GNU_ranges_base; the skeleton's own DW_AT_ranges does not.
  const offset = unit === main ? value : value + (main.rootNumber(dw.DW_AT_GNU_ranges_base) ?? 0);
  const size = unit.header.addressSize;
  const highest = size === 4 ? 0xffffffff : -1;
  const source = main.file.require(".debug_ranges");
  const section = main.file.lists(".debug_ranges", offset);
  let { base } = unit;
  for (;;) {
    const cursor = section.need(2 * size);
    const begin = readSized(cursor, size);
    const end = readSized(cursor, size);
    if (begin === 0 && end === 0) return;
    into.count(unit, source.size);
    if (begin === highest) base = end;
    else if (begin !== highest - 1 && base !== highest) into.add(unit, begin + base, end + base);
  }
}

/** Where in .debug_rnglists a list begins (§7.28): the value itself, or through the table that an index counts in. */
function rngListOffset(unit: Unit, form: number, value: number): number {
  if (form !== dw.DW_FORM_rnglistx) return value;
  const { offsetSize } = unit.header;
  // Without a base, there is one contribution, behind a header: length, version, two sizes, count of offsets.
  const base = unit.rootNumber(dw.DW_AT_rnglists_base) ?? (offsetSize === 8 ? 20 : 12);
  return base + readInteger(unit.file, ".debug_rnglists", base + value * offsetSize, offsetSize);
}

/** A list of .debug_rnglists (§2.17.3, §7.25). */
function readRngList(unit: Unit, offset: number, into: CodeRanges): void {
  const source = unit.file.require(".debug_rnglists");
  const section = unit.file.lists(".debug_rnglists", offset);
  const size = unit.header.addressSize;
  const highest = size === 4 ? 0xffffffff : -1;
  let { base } = unit;
  for (;;) {
    // An entry is a byte and two LEB128 or addresses.
    const cursor = section.need(32);
    const kind = cursor.u8();
    if (kind === dw.DW_RLE_end_of_list) return;
    into.count(unit, source.size);
    let begin = 0;
    let end = 0;
    switch (kind) {
      case dw.DW_RLE_base_addressx:
        base = unit.indexedAddress(cursor.uleb());
        continue;
      case dw.DW_RLE_base_address:
        base = readSized(cursor, size);
        continue;
      case dw.DW_RLE_startx_endx:
        begin = unit.indexedAddress(cursor.uleb());
        end = unit.indexedAddress(cursor.uleb());
        break;
      case dw.DW_RLE_startx_length:
        begin = unit.indexedAddress(cursor.uleb());
        end = begin + cursor.uleb();
        break;
      case dw.DW_RLE_offset_pair:
        begin = cursor.uleb();
        end = cursor.uleb();
        // A base that is a tombstone makes tombstones of all that count from it.
        if (base === highest) continue;
        begin += base;
        end += base;
        break;
      case dw.DW_RLE_start_end:
        begin = readSized(cursor, size);
        end = readSized(cursor, size);
        break;
      case dw.DW_RLE_start_length:
        begin = readSized(cursor, size);
        end = begin + cursor.uleb();
        break;
      default:
        throw cursor.malformed(`range list entry of unknown kind ${kind}`);
    }
    into.add(unit, begin, end);
  }
}
