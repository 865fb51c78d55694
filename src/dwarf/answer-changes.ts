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

/** 256 MB of them; the largest programs have some ten million. */
const MAX_CHANGES = 1 << 25;

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
  for (const { offset, header, reason } of file.headers(".debug_info")) {
    if (reason !== undefined) throw new LeaklineError("malformed", reason);
    if (header === undefined || header.typeOffset !== undefined) continue;
    const unit = file.readUnit(offset);
    addRanges(unit, changes);
    if (isSkeleton(unit)) addRanges(splitUnit(unit), changes);
    const { lineOffset } = unit;
    if (lineOffset === undefined || programs.has(lineOffset)) continue;
    programs.add(lineOffset);
    const program = new LineProgram(new LineHeader(file, lineOffset));
    while (program.next()) changes.push(program.address);
    if (changes.length > MAX_CHANGES) throw new LeaklineError("limit", `${file.name}: too large for an index`);
  }
  return changes;
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
    ranges.readFrom(unit, walker);
    for (let i = 0; i < ranges.pairs.length; i++) changes.push(ranges.pairs.values[i]);
  }
}
