/**
 * .debug_aranges: which unit has which addresses, as the compiler stated it (DWARF 5 §6.1.2).
 *
 * Small and quick to read, but not complete: clang writes none by default. Of a unit that it names, it names all code, as
 * it does in each of 11,000 units of a distribution; so other debuggers take it, too.
 */

import type { ByteSource } from "../base/bytes.ts";
import { LeaklineError, MalformedError } from "../base/errors.ts";
import { roomFor } from "../base/wasm.ts";
import type { DebugFile } from "./debug-file.ts";
import { Float64List } from "./growable.ts";
import { MAX_ARANGES } from "./limits.ts";
import { RangeTable } from "./range-table.ts";
import { reasonOf } from "./reason.ts";
import { giveBack, takeScanner } from "./scanner.ts";

/** Bytes fetched at a time, and more for a longer set. */
const WINDOW = 1 << 18;
/** A state of assembly/aranges.ts. */
const DAMAGED = 2;

export class Aranges {
  /** The payload is the unit's offset in .debug_info. */
  readonly table = new RangeTable();
  /** What is wrong with the section. */
  reason: string | undefined;
  /** Two numbers a set: its unit, and 1 when all of it was there. */
  private readonly sets = new Float64List();
  private completeUnits: ReadonlySet<number> | undefined;

  addSets(sets: Float64Array): void {
    this.sets.pushAll(sets);
  }

  /** How many units are named, some more than once. */
  get unitCount(): number {
    return this.sets.length / 2;
  }

  /** The units that are named. */
  *units(): Generator<number> {
    for (let at = 0; at < this.sets.length; at += 2) yield this.sets.values[at];
  }

  /** Of these, the ones whose code is all there; none when the section is damaged. */
  get complete(): ReadonlySet<number> {
    if (this.completeUnits) return this.completeUnits;
    const complete = new Set<number>();
    const { length, values } = this.sets;
    if (this.reason === undefined)
      for (let at = 0; at < length; at += 2) if (values[at + 1] === 1) complete.add(values[at]);
    this.completeUnits = complete;
    return complete;
  }
}

/**
 * Reads the section as far as it is sound; an absent one is empty.
 *
 * @param wanted ascending: then only ranges with one of these addresses are put into the table.
 */
export function readAranges(file: DebugFile, wanted?: Float64Array): Aranges {
  const aranges = new Aranges();
  try {
    const source = file.source(".debug_aranges");
    if (source !== undefined) readSets(file, source, wanted ?? new Float64Array(0), aranges);
  } catch (error) {
    aranges.reason = reasonOf(error);
  }
  return aranges;
}

/** Piece by piece, each of which ends with a whole set. */
function readSets(file: DebugFile, source: ByteSource, wanted: Float64Array, aranges: Aranges): void {
  const { lowestCode = Number.POSITIVE_INFINITY } = file.input;
  const scanner = takeScanner();
  const { code, firstFree } = scanner;
  let count = 0;
  let window = WINDOW;
  for (let offset = 0; offset < source.size; ) {
    const length = Math.min(window, source.size - offset);
    const ranges = firstFree + 8 * wanted.length;
    const sets = ranges + code.rangeRoom(length);
    const from = sets + code.setRoom(length);
    if (!scanner.reserve(from + roomFor(length)))
      throw new LeaklineError("limit", `${source.name}: set of more than ${window / 2} bytes`);
    scanner.putFrom(source, offset, length, from);
    scanner.numbers.set(wanted, firstFree / 8);
    const littleEndian = file.littleEndian ? 1 : 0;
    code.readAranges(from, from + length, firstFree, wanted.length, lowestCode, littleEndian, ranges, sets);
    const { numbers } = scanner;
    aranges.addSets(numbers.subarray(sets / 8, sets / 8 + 2 * code.setCount.value));
    for (let range = 0, at = ranges / 8; range < code.rangeCount.value; range++, at += 3)
      aranges.table.add(numbers[at], numbers[at + 1], numbers[at + 2]);
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
