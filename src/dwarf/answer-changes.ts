/**
 * Every address where an answer of the debug information may change: between two neighbours, all addresses have the
 * same frames. For an index of a whole file; a lookup needs none of this.
 *
 * They are the ends of whatever a lookup compares an address with: ranges of units, functions and inlined calls, and
 * rows of line programs. More than needed does no harm, so all are taken as they stand. One that is missing would make
 * a wrong answer, so damage throws.
 */

import { LeaklineError } from "../base/errors.ts";
import { readAranges } from "./aranges.ts";
import * as dw from "./constants.ts";
import type { DebugFile } from "./debug-file.ts";
import { Float64List } from "./growable.ts";
import { LineHeader } from "./line-header.ts";
import { LineProgram } from "./line-program.ts";
import { CodeRanges } from "./ranges.ts";
import { isSkeleton, splitUnit } from "./split.ts";
import type { Unit } from "./unit.ts";

/** 256 MB of them; the largest programs have some two million. */
const MAX_CHANGES = 1 << 25;
/** Most of them are said several times: a list that grew to so many is sorted, and each kept once. */
const FIRST_SORT = 1 << 20;

/**
 * In no order, and with repetitions.
 *
 * @throws LeaklineError when anything is damaged or missing, or there are too many.
 */
export function answerChanges(file: DebugFile): Float64List {
  const changes = new Float64List();
  const { table, reason } = readAranges(file);
  if (reason !== undefined) throw new LeaklineError("malformed", reason);
  for (let row = 0; row < table.length; row++) {
    changes.push(table.beginAt(row));
    changes.push(table.endAt(row));
  }
  const programs = new Set<number>();
  let sortAt = FIRST_SORT;
  for (const { header, reason } of file.headers(".debug_info")) {
    if (reason !== undefined) throw new LeaklineError("malformed", reason);
    if (header === undefined || header.typeOffset !== undefined) continue;
    const unit = file.openUnit(header);
    addRanges(unit, changes);
    if (isSkeleton(unit)) addRanges(splitUnit(unit), changes);
    const { lineOffset } = unit;
    if (lineOffset === undefined || programs.has(lineOffset)) continue;
    programs.add(lineOffset);
    const program = new LineProgram(new LineHeader(file, lineOffset));
    while (program.next()) changes.push(program.address);
    if (changes.length < sortAt) continue;
    keepEachOnce(changes);
    sortAt = Math.max(FIRST_SORT, 2 * changes.length);
    if (changes.length > MAX_CHANGES) throw new LeaklineError("limit", `${file.name}: too large for an index`);
  }
  return changes;
}

function keepEachOnce(list: Float64List): void {
  const sorted = list.values.subarray(0, list.length).sort();
  let count = 0;
  for (const value of sorted) if (count === 0 || value !== sorted[count - 1]) sorted[count++] = value;
  list.length = count;
}

function addRanges(unit: Unit, changes: Float64List): void {
  const ranges = new CodeRanges();
  const { abbreviations } = unit;
  const walker = unit.walk();
  while (walker.next()) {
    const { tag } = walker;
    const isRoot = walker.offset === unit.header.rootOffset;
    if (!isRoot && tag !== dw.DW_TAG_subprogram && tag !== dw.DW_TAG_inlined_subroutine) continue;
    if (!abbreviations.hasCode(walker.index)) continue;
    ranges.readFrom(unit, walker.index, walker.attributes());
    for (let i = 0; i < ranges.pairs.length; i++) changes.push(ranges.pairs.values[i]);
  }
}
