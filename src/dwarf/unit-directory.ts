/**
 * Where the units of a section begin.
 *
 * Only the chain of their lengths says so, and a section may have a hundred thousand. So what is known is kept, sorted:
 * other sections name some units, and each walk along the chain adds those it passed.
 */

import type { ByteSource } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { LeaklineError } from "../base/errors.ts";
import type { ReadWindow } from "../base/read-window.ts";
import { MAX_UNITS } from "./limits.ts";
import { readUnitEnd } from "./unit-header.ts";

export class UnitDirectory {
  private readonly section: ByteSource;
  private readonly littleEndian: boolean;
  private readonly window: ReadWindow;
  /** Ascending offsets at which units begin. */
  private starts: number[] = [0];
  /** Further ones, to be put among them. */
  private learned: Iterable<number> = [];

  /** @param window in which the beginning of a unit stays for whoever reads more of it. */
  constructor(section: ByteSource, littleEndian: boolean, window: ReadWindow) {
    this.section = section;
    this.window = window;
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
    return readUnitEnd(this.cursorAt(start), this.section.size);
  }

  /** At an initial length, of 4 or 12 bytes. */
  private cursorAt(start: number): Cursor {
    const { name, size } = this.section;
    const bytes = this.window.read(this.section, start, Math.max(0, Math.min(12, size - start)));
    return new Cursor(bytes, this.littleEndian, name, "section", start);
  }
}
