/**
 * One file with debug information: its sections, its units and its abbreviation tables, each read when first needed.
 *
 * The program's own debug file, dwz's supplementary file and every .dwo are one each. In a .dwo the sections have the
 * suffix `.dwo`, and nothing else differs (DWARF 5 §7.3.2).
 */

import type { ByteSource } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { LeaklineError } from "../base/errors.ts";
import { ReadWindow } from "../base/read-window.ts";
import { AbbreviationTable, findDeclaration } from "./abbreviations.ts";
import { type DwarfInput, rememberSections } from "./input.ts";
import { ABBREVIATION_TABLES, LINE_CACHE_BYTES, MAX_DAMAGED_UNITS, UNIT_CACHE_BYTES } from "./limits.ts";
import { LineTable } from "./line-table.ts";
import { Lru } from "./lru.ts";
import { reasonOf } from "./reason.ts";
import { SectionCursor } from "./section-cursor.ts";
import { SectionPages } from "./section-pages.ts";
import { ROOT_WINDOW, Unit } from "./unit.ts";
import { UnitDirectory } from "./unit-directory.ts";
import { abbreviationKey, MAX_HEADER_SIZE, readUnitHeader, type UnitHeader } from "./unit-header.ts";
import type { UnitRoom } from "./unit-room.ts";

/** The sections that hold units: version 4 had its own for type units. */
export type UnitSection = ".debug_info" | ".debug_types";

/** Codes of roots that are remembered are below, and no more of them. */
const MAX_ROOT_CODE = 1 << 12;
const ROOT_DECLARATIONS = 64;

export class DebugFile {
  readonly input: DwarfInput;
  readonly package: DwarfInput | undefined;
  readonly littleEndian: boolean;
  readonly name: string;
  /** Bytes of .debug_abbrev that were passed to find the declarations of roots. */
  rootScanBytes = 0;
  private readonly suffix: string;
  private readonly directories = new Map<string, UnitDirectory>();
  private readonly unitCache = new Lru<Unit>(UNIT_CACHE_BYTES);
  private readonly lineTableCache = new Lru<LineTable>(LINE_CACHE_BYTES);
  private readonly abbreviationCache = new Lru<AbbreviationTable>(ABBREVIATION_TABLES);
  /** The table that begins with the declaration of the root read last, and where those of others stand, by table and code. */
  private rootTable: AbbreviationTable | undefined;
  private rootKey: number | undefined;
  private readonly rootDeclarations = new Lru<number>(ROOT_DECLARATIONS);
  private readonly cursors = new Map<string, SectionCursor>();
  /** The beginning of a unit, of which header and root are read one after the other. */
  readonly beginnings = new ReadWindow(ROOT_WINDOW);
  private supplementaryFile: DebugFile | undefined;
  /** By signature, where each type unit is. */
  private typeUnits: Map<bigint, { section: UnitSection; offset: number }> | undefined;

  constructor(input: DwarfInput, suffix: "" | ".dwo" = "") {
    this.input = rememberSections(input);
    this.package = input.package && rememberSections(input.package);
    this.name = input.name;
    this.littleEndian = input.littleEndian;
    this.suffix = suffix;
  }

  /** Bytes of memory that units and line tables take, about. */
  get memory(): number {
    return this.unitCache.total + this.lineTableCache.total + (this.supplementaryFile?.memory ?? 0);
  }

  /** A section by its name in a file that is not split, or undefined. */
  source(name: string): ByteSource | undefined {
    return this.input.section(name + this.suffix);
  }

  /** @throws LeaklineError `malformed` when the section is missing. */
  require(name: string): ByteSource {
    const source = this.source(name);
    if (source === undefined) throw new LeaklineError("malformed", `${this.name}: no ${name}${this.suffix} section`);
    return source;
  }

  get supplementary(): DebugFile | undefined {
    if (this.input.supplementary) this.supplementaryFile ??= new DebugFile(this.input.supplementary);
    return this.supplementaryFile;
  }

  directory(section: UnitSection): UnitDirectory | undefined {
    const source = this.source(section);
    let directory = this.directories.get(section);
    if (directory === undefined && source !== undefined) {
      directory = new UnitDirectory(source, this.littleEndian);
      this.directories.set(section, directory);
    }
    return directory;
  }

  /** @throws MalformedError when there is no sound unit header at `offset`. */
  header(section: UnitSection, offset: number): UnitHeader {
    const source = this.require(section);
    const length = Math.max(1, Math.min(MAX_HEADER_SIZE, source.size - offset));
    const bytes = this.beginnings.read(source, offset, length);
    const cursor = new Cursor(bytes, this.littleEndian, source.name, "section", offset);
    return readUnitHeader(cursor, source.size, section === ".debug_types");
  }

  /**
   * A cursor at an offset of a section whose lists of one unit lie side by side: what was read for the last one is kept.
   * Valid until the next call for that section.
   */
  lists(section: string, offset: number): SectionCursor {
    return this.cursorAt(section, section, offset);
  }

  /** Likewise for a section's tables of integers, which may lie far from its lists. */
  integers(section: string, offset: number): SectionCursor {
    return this.cursorAt(`${section} integers`, section, offset);
  }

  private cursorAt(key: string, section: string, offset: number): SectionCursor {
    let cursor = this.cursors.get(key);
    if (cursor === undefined) {
      cursor = new SectionCursor(this.require(section), this.littleEndian, offset, undefined, new SectionPages());
      this.cursors.set(key, cursor);
    } else cursor.seek(offset);
    return cursor;
  }

  /** Reads a unit of .debug_info without keeping it. */
  readUnit(offset: number, skeleton?: Unit, room?: UnitRoom): Unit {
    const header = room ? room.header(this, offset) : this.header(".debug_info", offset);
    return this.openUnit(header, skeleton, room);
  }

  /** The unit of .debug_info that has this header, not kept either. */
  openUnit(header: UnitHeader, skeleton?: Unit, room?: UnitRoom): Unit {
    return new Unit(this, this.require(".debug_info"), header, skeleton, room);
  }

  /** The unit at this offset of .debug_info, kept for the next call. */
  unit(offset: number): Unit {
    let unit = this.unitCache.get(offset);
    if (unit === undefined) {
      unit = this.readUnit(offset);
      this.unitCache.set(offset, unit, unit.size);
    }
    return unit;
  }

  /** The unit of .debug_info that contains the DIE at `offset`. */
  unitContaining(offset: number): Unit {
    this.require(".debug_info");
    return this.unit((this.directory(".debug_info") as UnitDirectory).containing(offset));
  }

  /** The type unit with this signature (DWARF 5 §7.32), in either section, or undefined. */
  typeUnit(signature: bigint): Unit | undefined {
    if (this.typeUnits === undefined) {
      this.typeUnits = new Map();
      for (const section of [".debug_info", ".debug_types"] as const) {
        for (const { header } of this.headers(section)) {
          const isType = header?.typeOffset !== undefined && header.signature !== undefined;
          if (isType) this.typeUnits.set(header.signature as bigint, { section, offset: header.offset });
        }
      }
    }
    const place = this.typeUnits.get(signature);
    return place && new Unit(this, this.require(place.section), this.header(place.section, place.offset));
  }

  /**
   * All unit headers of a section in order. A damaged one is reported and passed over; where a length is damaged,
   * nothing can be found behind it.
   *
   * @param without offsets of units that are left out.
   */
  *headers(
    section: UnitSection,
    without?: ReadonlySet<number>,
  ): Generator<{ offset: number; header?: UnitHeader; reason?: string }> {
    let next = 0;
    let damaged = 0;
    try {
      for (const offset of this.directory(section)?.all() ?? []) {
        next = offset;
        if (without?.has(offset)) continue;
        let header: UnitHeader;
        try {
          header = this.header(section, offset);
        } catch (error) {
          yield { offset, reason: reasonOf(error) };
          if (++damaged > MAX_DAMAGED_UNITS)
            throw new LeaklineError("limit", `${this.name}: more than ${MAX_DAMAGED_UNITS} damaged units`);
          continue;
        }
        yield { offset, header };
      }
    } catch (error) {
      yield { offset: next, reason: reasonOf(error) };
    }
  }

  /**
   * The line table at an offset of .debug_line.
   *
   * @throws MalformedError when its header is damaged.
   */
  lineTable(offset: number, addressSize: number): LineTable {
    let table = this.lineTableCache.get(offset);
    if (table === undefined) {
      table = new LineTable(this, offset, addressSize);
      // Decoded rows take about eight times what their opcodes do.
      this.lineTableCache.set(offset, table, table.header.bytes.length * 10);
    }
    return table;
  }

  /**
   * A table that begins with the declaration of a unit's root; of use until the next one is asked for. Damage before it does not count: the unit's line table
   * needs nothing but the root.
   *
   * @param cursor where the root is; it stays there.
   */
  rootAbbreviations(header: UnitHeader, cursor: Cursor): AbbreviationTable {
    const { position } = cursor;
    const code = cursor.uleb();
    cursor.position = position;
    const key = abbreviationKey(header) * MAX_ROOT_CODE + code;
    if (this.rootTable && this.rootKey === key && code < MAX_ROOT_CODE) return this.rootTable;
    this.rootKey = undefined;
    const { abbreviationOffset } = header;
    let declaration = code < MAX_ROOT_CODE ? this.rootDeclarations.get(key) : undefined;
    if (declaration === undefined) {
      const section = this.lists(".debug_abbrev", abbreviationOffset);
      declaration = findDeclaration(section, code);
      if (code < MAX_ROOT_CODE) this.rootDeclarations.set(key, declaration, 1);
      this.rootScanBytes += section.offset - abbreviationOffset;
    }
    const section = this.integers(".debug_abbrev", declaration);
    if (this.rootTable) this.rootTable.read(section, header, 1);
    else this.rootTable = new AbbreviationTable(section, header, 1);
    this.rootTable.find(code);
    this.rootScanBytes += this.rootTable.endOffset - declaration;
    this.rootKey = key;
    return this.rootTable;
  }

  /** The abbreviation table of a unit, shared by all units of the same shape that name the same offset. */
  abbreviations(header: UnitHeader): AbbreviationTable {
    const { abbreviationOffset } = header;
    const key = abbreviationKey(header);
    let table = this.abbreviationCache.get(key);
    if (table === undefined) {
      table = new AbbreviationTable(this.lists(".debug_abbrev", abbreviationOffset), header);
      this.abbreviationCache.set(key, table, 1);
    }
    return table;
  }
}
