/**
 * .debug_aranges: which unit has which addresses, as the compiler stated it (DWARF 5 §6.1.2).
 *
 * Small and quick to read, but not complete: clang writes none by default. Of a unit that it names, it names all code, as
 * it does in each of 11,000 units of a distribution; so other debuggers take it, too.
 */

import { type ByteSource, ReadBuffer } from "../base/bytes.ts";
import { LeaklineError, MalformedError } from "../base/errors.ts";
import { roomFor } from "../base/wasm.ts";
import type { DebugFile } from "./debug-file.ts";
import { MAX_ARANGES } from "./limits.ts";
import { RangeTable } from "./range-table.ts";
import { reasonOf } from "./reason.ts";
import { giveBack, takeScanner } from "./scanner.ts";

/** Bytes fetched at a time, and more for a longer set. */
const WINDOW = 1 << 18;
/** A state of assembly/aranges.ts. */
const DAMAGED = 2;

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
  const table = new RangeTable();
  const units: number[] = [];
  const complete = new Set<number>();
  let reason: string | undefined;
  try {
    const source = file.source(".debug_aranges");
    if (source !== undefined) readSets(file, source, wanted ?? new Float64Array(0), { table, units, complete });
  } catch (error) {
    reason = reasonOf(error);
    complete.clear();
  }
  return { table, units, complete, reason };
}

type Found = { table: RangeTable; units: number[]; complete: Set<number> };

/** Piece by piece, each of which ends with a whole set. */
function readSets(file: DebugFile, source: ByteSource, wanted: Float64Array, { table, units, complete }: Found): void {
  const { lowestCode = Number.POSITIVE_INFINITY } = file.input;
  const scanner = takeScanner();
  const { code, firstFree } = scanner;
  const room = new ReadBuffer();
  let count = 0;
  let window = WINDOW;
  for (let offset = 0; offset < source.size; ) {
    const length = Math.min(window, source.size - offset);
    const ranges = firstFree + 8 * wanted.length;
    const sets = ranges + code.rangeRoom(length);
    const from = sets + code.setRoom(length);
    if (!scanner.reserve(from + roomFor(length)))
      throw new LeaklineError("limit", `${source.name}: set of more than ${window / 2} bytes`);
    scanner.put(room.read(source, offset, length), from);
    scanner.numbers.set(wanted, firstFree / 8);
    const littleEndian = file.littleEndian ? 1 : 0;
    code.readAranges(from, from + length, firstFree, wanted.length, lowestCode, littleEndian, ranges, sets);
    const { numbers } = scanner;
    for (let set = 0, at = sets / 8; set < code.setCount.value; set++, at += 2) {
      units.push(numbers[at]);
      if (numbers[at + 1] === 1) complete.add(numbers[at]);
    }
    for (let range = 0, at = ranges / 8; range < code.rangeCount.value; range++, at += 3)
      table.add(numbers[at], numbers[at + 1], numbers[at + 2]);
    count += code.seenCount.value;
    if (count > MAX_ARANGES)
      throw new LeaklineError("limit", `${file.name}: .debug_aranges has more than ${MAX_ARANGES} ranges`);
    const read = code.arangesEnd.value - from;
    offset += read;
    if (code.arangesState.value === DAMAGED) throw new MalformedError(source.name, "section", offset, "damaged set");
    if (read > 0) window = WINDOW;
    else if (length === source.size - offset)
      throw new MalformedError(source.name, "section", offset, "set runs off its section");
    else window *= 2;
  }
  giveBack(scanner);
}
