/**
 * .debug_aranges: which unit has which addresses, as the compiler stated it (DWARF 5 §6.1.2).
 *
 * Small and quick to read, but not complete: clang writes none by default, and what one says is only a hint.
 */

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
  /** The units that are named. */
  readonly units: ReadonlySet<number>;
  readonly reason: string | undefined;
};

/** Reads the section as far as it is sound; an absent one is empty. */
export function readAranges(file: DebugFile): Aranges {
  const table = new RangeTable();
  const units = new Set<number>();
  let reason: string | undefined;
  try {
    const source = file.source(".debug_aranges");
    if (source !== undefined && source.size > 0)
      readSets(file, new SectionCursor(source, file.littleEndian, 0, WINDOW), source.size, table, units);
  } catch (error) {
    reason = reasonOf(error);
  }
  return { table, units, reason };
}

function readSets(file: DebugFile, section: SectionCursor, size: number, table: RangeTable, units: Set<number>): void {
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
    units.add(unit);
    // Tuples begin at a multiple of their size, counted from the set's beginning.
    const tuple = 2 * addressSize;
    section.seek(Math.min(end, start + Math.ceil((section.offset - start) / tuple) * tuple));
    while (section.offset + tuple <= end) {
      const cursor = section.need(tuple);
      const begin = readSized(cursor, addressSize);
      const length = readSized(cursor, addressSize);
      if (begin === 0 && length === 0) break;
      if (!isTombstone(begin, addressSize, file.input.lowestCode)) table.add(begin, begin + length, unit);
      if (table.length > MAX_ARANGES)
        throw new LeaklineError("limit", `${file.name}: .debug_aranges has more than ${MAX_ARANGES} ranges`);
    }
    section.seek(end);
  }
}
