/**
 * A unit: its root's attributes, and what the values of its DIEs mean (DWARF 5 §3.1, §7.5.5).
 *
 * Forms that are an index or an offset mean nothing without the unit: it has the bases of its address, string and range
 * tables. A split unit lies in another file than its skeleton and shares the skeleton's addresses (§3.1.3).
 */

import { type ByteSource, decodeText, readCString } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { MalformedError } from "../base/errors.ts";
import type { AbbreviationTable } from "./abbreviations.ts";
import { type AttributeValue, type Die, readDie } from "./attributes.ts";
import * as dw from "./constants.ts";
import type { DebugFile } from "./debug-file.ts";
import { DieWalker } from "./die-walker.ts";
import type { LineTable } from "./line-table.ts";
import { readSized, type UnitHeader } from "./unit-header.ts";
import type { UnitRoom } from "./unit-room.ts";

/** A DIE in some unit, as a reference leads to it. `offset` counts from the beginning of that unit. */
export type DieReference = { readonly unit: Unit; readonly offset: number };

/** Bytes that nearly every root DIE fits in, with the header. */
export const ROOT_WINDOW = 512;

export class Unit {
  readonly file: DebugFile;
  readonly header: UnitHeader;
  readonly root: Die;
  /** Of a split unit: the unit in the main file that has its addresses and its line table. */
  readonly skeleton: Unit | undefined;
  private readonly section: ByteSource;
  private readonly room: UnitRoom | undefined;
  private loaded: Uint8Array | undefined;
  private foundAbbreviations: AbbreviationTable | undefined;
  private knownBase: number | undefined;

  /**
   * Reads the root DIE; the rest of the unit is read when it is asked for.
   *
   * @param section the one that holds the unit.
   * @param room where the unit is put, read as a whole: it is then of use only until the next one is put there.
   * @throws MalformedError
   */
  constructor(file: DebugFile, section: ByteSource, header: UnitHeader, skeleton?: Unit, room?: UnitRoom) {
    this.file = file;
    this.section = section;
    this.header = header;
    this.skeleton = skeleton;
    this.room = room;
    this.root = this.readRoot();
  }

  get abbreviations(): AbbreviationTable {
    this.foundAbbreviations ??=
      this.room?.abbreviations(this.file, this.header) ?? this.file.abbreviations(this.header);
    return this.foundAbbreviations;
  }

  get size(): number {
    return this.header.end - this.header.offset;
  }

  /** For messages. */
  get name(): string {
    return `unit at 0x${this.header.offset.toString(16)}`;
  }

  /** A cursor over the unit's bytes; positions count from the unit's beginning. */
  cursor(offset: number): Cursor {
    const cursor = this.cursorOver(this.load());
    if (offset < this.header.rootOffset) throw cursor.malformed("reference into a unit's header", offset);
    cursor.seek(offset);
    return cursor;
  }

  /** @throws MalformedError when there is no DIE at `offset`. */
  die(offset: number): Die {
    return readDie(this.cursor(offset), this.header, this.abbreviations);
  }

  /** Walks the DIE at `offset` and all below it. */
  walk(offset = this.header.rootOffset): DieWalker {
    return new DieWalker(this.cursor(offset), this.header, this.abbreviations);
  }

  /** The unit that has the addresses and the line table: the skeleton of a split unit, else the unit itself. */
  get main(): Unit {
    return this.skeleton ?? this;
  }

  /** DW_AT_low_pc: the base of the unit's range lists; 0 without one. */
  get base(): number {
    if (this.knownBase === undefined) {
      const low = this.main.root.attributes.get(dw.DW_AT_low_pc);
      this.knownBase = low === undefined ? 0 : (this.main.addressOf(low.form, low.value) ?? 0);
    }
    return this.knownBase;
  }

  /** Offset of the unit's line program in .debug_line of the main file, or undefined. */
  get lineOffset(): number | undefined {
    return this.main.root.attributes.get(dw.DW_AT_stmt_list)?.value;
  }

  /** The unit's line table, undefined when it has none. @throws LeaklineError when its header is damaged. */
  get lineTable(): LineTable | undefined {
    const offset = this.lineOffset;
    return offset === undefined ? undefined : this.main.file.lineTable(offset, this.main.header.addressSize);
  }

  /** The path of a file by its number in the unit's line table. */
  path(file: number): string | undefined {
    return this.lineTable?.header.path(file, this.compDir);
  }

  get compDir(): string | undefined {
    return this.main.rootString(dw.DW_AT_comp_dir) ?? this.rootString(dw.DW_AT_comp_dir);
  }

  /** A string attribute of the root DIE. */
  rootString(name: number): string | undefined {
    const value = this.root.attributes.get(name);
    return value && this.string(value);
  }

  /** A number that the root DIE states as a constant or an offset. */
  rootNumber(...names: number[]): number | undefined {
    for (const name of names) {
      const value = this.root.attributes.get(name);
      if (value) return value.value;
    }
    return undefined;
  }

  /** What an attribute of class address means; undefined when its form is of another class (§7.5.5). */
  addressOf(form: number, value: number): number | undefined {
    switch (form) {
      case dw.DW_FORM_addr:
        return value;
      case dw.DW_FORM_addrx:
      case dw.DW_FORM_addrx1:
      case dw.DW_FORM_addrx2:
      case dw.DW_FORM_addrx3:
      case dw.DW_FORM_addrx4:
      case dw.DW_FORM_GNU_addr_index:
        return this.indexedAddress(value);
      default:
        return undefined;
    }
  }

  /** Entry `index` of the unit's part of .debug_addr (§7.27). */
  indexedAddress(index: number): number {
    const { main } = this;
    const { addressSize, offsetSize, version } = main.header;
    // Without a base, version 5 has one contribution, behind a header: length, version, two sizes.
    const implied = version >= 5 ? (offsetSize === 8 ? 16 : 8) : 0;
    const base = main.rootNumber(dw.DW_AT_addr_base, dw.DW_AT_GNU_addr_base) ?? implied;
    return readInteger(main.file, ".debug_addr", base + index * addressSize, addressSize);
  }

  /** The text of an attribute of class string, undefined for another class. Bytes that are not UTF-8 become U+FFFD. */
  string(attribute: AttributeValue): string | undefined {
    const bytes = this.stringBytes(attribute);
    return bytes && decodeText(bytes);
  }

  /** The DIE that an attribute of class reference leads to; undefined when that is of another class or in a file that is missing. */
  reference(attribute: AttributeValue): DieReference | undefined {
    const { value } = attribute;
    switch (attribute.form) {
      case dw.DW_FORM_ref1:
      case dw.DW_FORM_ref2:
      case dw.DW_FORM_ref4:
      case dw.DW_FORM_ref8:
      case dw.DW_FORM_ref_udata:
        return { unit: this, offset: value };
      case dw.DW_FORM_ref_addr:
        return within(this.file.unitContaining(value), value);
      case dw.DW_FORM_GNU_ref_alt:
      case dw.DW_FORM_ref_sup4:
      case dw.DW_FORM_ref_sup8: {
        const { supplementary } = this.file;
        return supplementary && within(supplementary.unitContaining(value), value);
      }
      case dw.DW_FORM_ref_sig8: {
        const cursor = this.cursor(value);
        const unit = this.file.typeUnit(cursor.u64big());
        return unit?.header.typeOffset === undefined ? undefined : { unit, offset: unit.header.typeOffset };
      }
      default:
        return undefined;
    }
  }

  private stringBytes(attribute: AttributeValue): Uint8Array | undefined {
    const { value } = attribute;
    switch (attribute.form) {
      case dw.DW_FORM_string:
        return this.cursor(value).cString();
      case dw.DW_FORM_strp:
        return readCString(this.file.require(".debug_str"), value);
      case dw.DW_FORM_line_strp:
        return readCString(this.file.require(".debug_line_str"), value);
      case dw.DW_FORM_strp_sup:
      case dw.DW_FORM_GNU_strp_alt: {
        const { supplementary } = this.file;
        return supplementary && readCString(supplementary.require(".debug_str"), value);
      }
      case dw.DW_FORM_strx:
      case dw.DW_FORM_strx1:
      case dw.DW_FORM_strx2:
      case dw.DW_FORM_strx3:
      case dw.DW_FORM_strx4:
      case dw.DW_FORM_GNU_str_index:
        return readCString(this.file.require(".debug_str"), this.stringOffset(value));
      default:
        return undefined;
    }
  }

  /** Entry `index` of the unit's part of .debug_str_offsets (§7.26). */
  private stringOffset(index: number): number {
    const { offsetSize, version } = this.header;
    // Without a base, version 5 has one contribution, behind a header: length, version, padding.
    const implied = version >= 5 ? (offsetSize === 8 ? 16 : 8) : 0;
    const base = this.rootNumber(dw.DW_AT_str_offsets_base) ?? implied;
    return readInteger(this.file, ".debug_str_offsets", base + index * offsetSize, offsetSize);
  }

  private readRoot(): Die {
    const { header, size } = this;
    if (this.room) return this.die(header.rootOffset);
    const window = this.loaded ? size : Math.min(size, ROOT_WINDOW);
    // A unit that is no longer is kept as a whole.
    const bytes = window === size ? this.load() : this.file.beginnings.read(this.section, header.offset, window);
    const cursor = this.cursorOver(bytes);
    cursor.seek(header.rootOffset);
    try {
      return readDie(cursor, header, this.file.rootAbbreviations(header, cursor));
    } catch (error) {
      if (window === size || !(error instanceof MalformedError)) throw error;
      return readDie(this.cursor(header.rootOffset), header, this.abbreviations);
    }
  }

  private load(): Uint8Array {
    const { section, size, room } = this;
    const { offset } = this.header;
    // What is in a room may move: it is asked for each time, and read once.
    if (room) return room.bytes.read(section, offset, size);
    this.loaded ??= section.read(offset, size);
    return this.loaded;
  }

  private cursorOver(bytes: Uint8Array): Cursor {
    return new Cursor(bytes, this.file.littleEndian, this.file.name, "units", this.header.offset);
  }
}

function within(unit: Unit, offset: number): DieReference {
  return { unit, offset: offset - unit.header.offset };
}

/** One unsigned integer of a section: an entry of a table of offsets or addresses. */
export function readInteger(file: DebugFile, section: string, offset: number, size: number): number {
  return readSized(file.integers(section, offset).need(size), size);
}
