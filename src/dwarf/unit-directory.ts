/**
 * Where the units of a section begin.
 *
 * Only the chain of their lengths says so, and a section may have a hundred thousand. So what is known is kept, sorted:
 * other sections name some units, and each walk along the chain adds those it passed.
 */

import type { ByteSource } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { MAX_UNITS } from "./limits.ts";
import { SectionCursor } from "./section-cursor.ts";
import { readUnitEnd } from "./unit-header.ts";

export class UnitDirectory {
  private readonly section: ByteSource;
  private readonly littleEndian: boolean;
  /** Ascending offsets at which units begin. */
  private starts: number[] = [0];

  constructor(section: ByteSource, littleEndian: boolean) {
    this.section = section;
    this.littleEndian = littleEndian;
  }

  /** Notes offsets at which units begin, as another section states them. */
  learn(offsets: Iterable<number>): void {
    const all = new Set(this.starts);
    for (const offset of offsets) if (offset > 0 && offset < this.section.size) all.add(offset);
    this.starts = [...all].sort((a, b) => a - b);
  }

  /**
   * The beginning of the unit that contains `offset`.
   *
   * @throws MalformedError when there is none.
   */
  containing(offset: number): number {
    const cursor = new SectionCursor(this.section, this.littleEndian, Math.min(offset, this.section.size));
    if (!(offset >= 0 && offset < this.section.size))
      throw cursor.need(0).malformed(`reference to 0x${offset.toString(16)}, outside of all units`, 0);
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle] > offset) high = middle;
      else low = middle + 1;
    }
    let start = this.starts[low - 1];
    const passed: number[] = [];
    try {
      for (;;) {
        const end = this.endOf(cursor, start);
        if (offset < end) return start;
        start = end;
        passed.push(end);
        if (this.starts.length + passed.length > MAX_UNITS)
          throw new LeaklineError("limit", `${this.section.name}: more than ${MAX_UNITS} units`);
      }
    } finally {
      if (passed.length > 0) this.starts = this.starts.slice(0, low).concat(passed, this.starts.slice(low));
    }
  }

  /** The beginnings of all units in order, up to the first whose length is damaged: that is thrown. */
  *all(): Generator<number> {
    const { size } = this.section;
    if (size === 0) return;
    const cursor = new SectionCursor(this.section, this.littleEndian, 0);
    let count = 0;
    for (let start = 0; start < size; start = this.endOf(cursor, start)) {
      if (++count > MAX_UNITS) throw new LeaklineError("limit", `${this.section.name}: more than ${MAX_UNITS} units`);
      yield start;
    }
  }

  private endOf(cursor: SectionCursor, start: number): number {
    cursor.seek(start);
    return readUnitEnd(cursor.need(12), this.section.size);
  }
}
