/**
 * Where the units of a section begin.
 *
 * Only the chain of their lengths says so, and a section may have a hundred thousand. So what is known is kept, sorted:
 * other sections name some units, and each walk along the chain adds those it passed.
 */

import { type ByteSource, ReadBuffer } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { LeaklineError } from "../base/errors.ts";
import { LENGTH_RESERVED } from "./constants.ts";
import { MAX_UNITS } from "./limits.ts";
import { readUnitEnd } from "./unit-header.ts";

export class UnitDirectory {
  private readonly section: ByteSource;
  private readonly littleEndian: boolean;
  private readonly room = new ReadBuffer();
  private readonly four = new Uint8Array(4);
  private readonly fourView = new DataView(this.four.buffer);
  /** Ascending offsets at which units begin. */
  private starts: number[] = [0];
  /** Further ones, to be put among them. */
  private learned: Iterable<number> = [];

  constructor(section: ByteSource, littleEndian: boolean) {
    this.section = section;
    this.littleEndian = littleEndian;
  }

  /** Notes offsets at which units begin, as another section states them. */
  learn(offsets: Iterable<number>): void {
    this.learned = offsets;
  }

  private takeLearned(): void {
    const all = new Set(this.starts);
    for (const offset of this.learned) if (offset > 0 && offset < this.section.size) all.add(offset);
    this.learned = [];
    if (all.size > this.starts.length) this.starts = [...all].sort((a, b) => a - b);
  }

  /**
   * The beginning of the unit that contains `offset`.
   *
   * @throws MalformedError when there is none.
   */
  containing(offset: number): number {
    if (!(offset >= 0 && offset < this.section.size))
      throw this.cursorAt(Math.min(offset, this.section.size)).malformed(
        `reference to 0x${offset.toString(16)}, outside of all units`,
      );
    const next = this.nextKnown(offset);
    let start = this.starts[next - 1];
    const passed: number[] = [];
    try {
      for (;;) {
        const end = this.endOf(start);
        if (offset < end) return start;
        start = end;
        passed.push(end);
        if (this.starts.length + passed.length > MAX_UNITS)
          throw new LeaklineError("limit", `${this.section.name}: more than ${MAX_UNITS} units`);
      }
    } finally {
      if (passed.length > 0) this.starts = this.starts.slice(0, next).concat(passed, this.starts.slice(next));
    }
  }

  /** How long the unit at `start` is at most, by what is known of the next one: an estimate of the work that it is. */
  sizeAbout(start: number): number {
    return (this.starts[this.nextKnown(start)] ?? this.section.size) - start;
  }

  /** The index of the first known beginning behind `offset`. */
  private nextKnown(offset: number): number {
    this.takeLearned();
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle] > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The beginnings of all units in order, up to the first whose length is damaged: that is thrown. */
  *all(): Generator<number> {
    const { size } = this.section;
    let count = 0;
    for (let start = 0; start < size; start = this.endOf(start)) {
      if (++count > MAX_UNITS) throw new LeaklineError("limit", `${this.section.name}: more than ${MAX_UNITS} units`);
      yield start;
    }
  }

  private endOf(start: number): number {
    const { section, four } = this;
    // Nearly always, without ado: there may be thousands to be passed for one address that none of them has.
    if (section.readInto && start + 4 <= section.size) {
      section.readInto(start, four);
      const length = this.fourView.getUint32(0, this.littleEndian);
      const end = start + 4 + length;
      if (length < LENGTH_RESERVED && end <= section.size) return end;
    }
    return readUnitEnd(this.cursorAt(start), this.section.size);
  }

  /** At an initial length, of 4 or 12 bytes: nothing more is read of a unit that is passed. */
  private cursorAt(start: number): Cursor {
    const { name, size } = this.section;
    const bytes = this.room.read(this.section, start, Math.max(0, Math.min(12, size - start)));
    return new Cursor(bytes, this.littleEndian, name, "section", start);
  }
}
