/**
 * Everything that the debug information says, one entry after another: units, functions, rows of line programs.
 *
 * For inspection, and for comparing with dwarfdump; a lookup needs none of this. Entries come as they are read, so a
 * listing of a large file takes the memory of one unit. Damage is an entry with a reason.
 */

import { type VirtualAddress, virtualAddress } from "../base/address.ts";
import * as dw from "./constants.ts";
import type { DebugFile, UnitSection } from "./debug-file.ts";
import { type AddressRange, rangeList } from "./frames.ts";
import { LineHeader } from "./line-header.ts";
import { LineProgram } from "./line-program.ts";
import { functionNames } from "./names.ts";
import { CodeRanges } from "./ranges.ts";
import { reasonOf } from "./reason.ts";
import { SectionCursor } from "./section-cursor.ts";
import { isSkeleton, splitUnit } from "./split.ts";
import { Unit } from "./unit.ts";
import { readUnitEnd } from "./unit-header.ts";

/** A unit, or the place of one that is damaged. */
export type UnitEntry = {
  readonly section: UnitSection;
  /** Where it begins in its section, and its length in bytes with its header. */
  readonly offset: number;
  readonly size: number;
  /** DWARF version, 2 to 5; size of an address and of an offset in bytes. */
  readonly version: number;
  readonly addressSize: number;
  readonly offsetSize: number;
  /** DW_TAG_* of the root DIE. */
  readonly tag: number;
  readonly name: string | undefined;
  readonly compDir: string | undefined;
  readonly producer: string | undefined;
  /** DW_LANG_* */
  readonly language: number | undefined;
  readonly ranges: readonly AddressRange[];
  /** Offset of its line program in .debug_line. */
  readonly lineOffset: number | undefined;
  /** Of a skeleton: the file with its DIEs. */
  readonly dwoName: string | undefined;
};

/** A DW_TAG_subprogram that has code. */
export type FunctionEntry = {
  /** Of its DIE and of its unit, in .debug_info of `file`. */
  readonly offset: number;
  readonly unitOffset: number;
  /** The file that has the DIE: of split debug information, the .dwo. */
  readonly file: string;
  /** The linkage name if there is one, else the name in the source. */
  readonly name: string | undefined;
  readonly linkageName: string | undefined;
  readonly displayName: string | undefined;
  /** Where the function is entered. */
  readonly entry: VirtualAddress | undefined;
  readonly ranges: readonly AddressRange[];
  /** Whether the linker dropped (some of) the function: those ranges stand at a tombstone and cover nothing. */
  readonly dropped: readonly AddressRange[];
  readonly declFile: string | undefined;
  readonly declLine: number | undefined;
  /** Whether it can be called from other units. */
  readonly external: boolean;
};

/** A row of the line number matrix (DWARF 5 §6.2.2). */
export type LineRow = {
  readonly address: VirtualAddress;
  /** A number in the program's file table. */
  readonly file: number;
  /** 0 when no line is the source of the code. */
  readonly line: number;
  readonly column: number;
  readonly isStmt: boolean;
  readonly basicBlock: boolean;
  readonly endSequence: boolean;
  readonly prologueEnd: boolean;
  readonly epilogueBegin: boolean;
  readonly isa: number;
  readonly discriminator: number;
};

/** A line number program. */
export type LineProgramEntry = {
  /** Where it begins in .debug_line. */
  readonly offset: number;
  readonly version: number;
  /** The path of a file by its number, undefined when there is none. */
  path(file: number): string | undefined;
  /** Runs the program. @throws MalformedError where it is damaged; the rows before are good. */
  rows(): Generator<LineRow>;
};

/** What could not be read, and why. */
export type DamagedEntry = { readonly offset: number; readonly reason: string };

/** All units of .debug_info, then of .debug_types, in file order. */
export function* listUnits(file: DebugFile): Generator<UnitEntry | DamagedEntry> {
  for (const section of [".debug_info", ".debug_types"] as const) {
    for (const { offset, header, reason } of file.headers(section)) {
      if (header === undefined) {
        yield { offset, reason: reason ?? "damaged" };
        continue;
      }
      try {
        yield unitEntry(new Unit(file, file.require(section), header), section);
      } catch (error) {
        yield { offset, reason: reasonOf(error) };
      }
    }
  }
}

function unitEntry(unit: Unit, section: UnitSection): UnitEntry {
  const { header, root } = unit;
  const code = new CodeRanges();
  code.read(unit, root.attributes);
  return {
    section,
    offset: header.offset,
    size: unit.size,
    version: header.version,
    addressSize: header.addressSize,
    offsetSize: header.offsetSize,
    tag: root.tag,
    name: unit.rootString(dw.DW_AT_name),
    compDir: unit.compDir,
    producer: unit.rootString(dw.DW_AT_producer),
    language: unit.rootNumber(dw.DW_AT_language),
    ranges: rangeList(code.pairs),
    lineOffset: unit.lineOffset,
    dwoName: unit.rootString(dw.DW_AT_dwo_name) ?? unit.rootString(dw.DW_AT_GNU_dwo_name),
  };
}

/** All functions with code, in file order; of a skeleton, those of its split unit when that is found. */
export function* listFunctions(file: DebugFile): Generator<FunctionEntry | DamagedEntry> {
  for (const { offset, header, reason } of file.headers(".debug_info")) {
    if (header === undefined) {
      yield { offset, reason: reason ?? "damaged" };
      continue;
    }
    if (header.typeOffset !== undefined) continue;
    try {
      const unit = file.unit(offset);
      yield* functionsOf(isSkeleton(unit) ? splitUnit(unit) : unit);
    } catch (error) {
      yield { offset, reason: reasonOf(error) };
    }
  }
}

function* functionsOf(unit: Unit): Generator<FunctionEntry | DamagedEntry> {
  const walker = unit.walk();
  const code = new CodeRanges();
  while (walker.next()) {
    if (walker.tag !== dw.DW_TAG_subprogram || !unit.abbreviations.hasCode(walker.index)) continue;
    const { offset } = walker;
    try {
      yield functionEntry(unit, offset, code);
    } catch (error) {
      yield { offset: unit.header.offset + offset, reason: reasonOf(error) };
    }
  }
}

/**
 * @param die the offset of a function's DIE in the unit.
 * @param code overwritten.
 * @throws MalformedError
 */
export function functionEntry(unit: Unit, die: number, code = new CodeRanges()): FunctionEntry {
  code.read(unit, unit.die(die).attributes);
  const names = functionNames(unit, die);
  return {
    offset: unit.header.offset + die,
    unitOffset: unit.header.offset,
    file: unit.file.name,
    name: names.linkageName ?? names.name,
    linkageName: names.linkageName,
    displayName: names.name,
    entry: code.entry === undefined ? undefined : virtualAddress(code.entry),
    ranges: rangeList(code.pairs),
    dropped: rangeList(code.dropped),
    declFile: names.declFile === undefined ? undefined : names.declaredIn?.path(names.declFile),
    declLine: names.declLine,
    external: names.external,
  };
}

/** All line programs in the order of .debug_line. */
export function* listLines(file: DebugFile): Generator<LineProgramEntry | DamagedEntry> {
  const section = file.source(".debug_line");
  if (section === undefined) return;
  const units = unitsByLineOffset(file);
  for (let offset = 0; offset < section.size; ) {
    let header: LineHeader;
    try {
      header = new LineHeader(file, offset);
    } catch (error) {
      yield { offset, reason: reasonOf(error) };
      offset = nextLineProgram(file, offset);
      continue;
    }
    const unit = units.get(offset);
    yield lineProgramEntry(header, unit === undefined ? undefined : file.readUnit(unit).compDir);
    offset += header.bytes.length;
  }
}

/** Behind a damaged program, by its length alone; the end of the section when that is damaged too. */
function nextLineProgram(file: DebugFile, offset: number): number {
  const { size } = file.require(".debug_line");
  try {
    const cursor = new SectionCursor(file.require(".debug_line"), file.littleEndian, offset);
    return readUnitEnd(cursor.need(12), size);
  } catch (error) {
    reasonOf(error);
    return size;
  }
}

/** By offset in .debug_line, the first unit that names it: it knows the compilation directory. */
function unitsByLineOffset(file: DebugFile): Map<number, number> {
  const units = new Map<number, number>();
  for (const { offset, header } of file.headers(".debug_info")) {
    if (header === undefined) continue;
    try {
      const { lineOffset } = file.readUnit(offset);
      if (lineOffset !== undefined && !units.has(lineOffset)) units.set(lineOffset, offset);
    } catch (error) {
      reasonOf(error); // a damaged unit has no lines to name
    }
  }
  return units;
}

function lineProgramEntry(header: LineHeader, compDir: string | undefined): LineProgramEntry {
  return {
    offset: header.offset,
    version: header.version,
    path: (number) => header.path(number, compDir),
    *rows() {
      const program = new LineProgram(header);
      while (program.next()) yield lineRow(program);
    },
  };
}

function lineRow(program: LineProgram): LineRow {
  return {
    address: virtualAddress(program.address),
    file: program.file,
    line: program.line,
    column: program.column,
    isStmt: program.isStmt,
    basicBlock: program.basicBlock,
    endSequence: program.endSequence,
    prologueEnd: program.prologueEnd,
    epilogueBegin: program.epilogueBegin,
    isa: program.isa,
    discriminator: program.discriminator,
  };
}

/** The rows next to an address in its sequence. */
export type RowsAround = {
  readonly program: LineProgramEntry;
  /** The sequence: from its lowest address up to where it ends. */
  readonly sequence: AddressRange;
  /** Rows in the order of the program. */
  readonly rows: readonly LineRow[];
  /** The index in `rows` of the one that holds for the address. */
  readonly row: number;
};

/**
 * The row that holds for an address, and up to `context` rows before and after it.
 *
 * @returns undefined when the unit has no row for the address.
 */
export function rowsAround(unit: Unit, address: number, context: number): RowsAround | undefined {
  const table = unit.lineTable;
  const found = table?.sequences.find(address) ?? -1;
  if (table === undefined || found < 0) return undefined;
  const program = new LineProgram(table.header);
  // Twice through the sequence: once to find the row, once to collect its neighbours.
  const start = table.sequences.payloadAt(found);
  let hit = -1;
  program.seek(start);
  for (let i = 0; program.next() && !program.endSequence; i++) if (program.address <= address) hit = i;
  const rows: LineRow[] = [];
  program.seek(start);
  for (let i = 0; i <= hit + context && program.next(); i++) {
    if (i >= hit - context) rows.push(lineRow(program));
    if (program.endSequence) break;
  }
  return {
    program: lineProgramEntry(table.header, unit.compDir),
    sequence: {
      begin: virtualAddress(table.sequences.beginAt(found)),
      end: virtualAddress(table.sequences.endAt(found)),
    },
    rows,
    row: Math.min(hit, context),
  };
}
