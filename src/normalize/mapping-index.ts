/**
 * The mappings of one process over time.
 *
 * A library can be unloaded and another one loaded at the same address, so an address means something only together
 * with a moment. As in the kernel, a new mapping replaces whatever lay in its range (mmap(2), MAP_FIXED), and of a
 * mapping that is unmapped in part the rest stays.
 *
 * The present is an array without overlaps, found by binary search. What has ended goes to the past, sorted by start
 * only when somebody asks about it, which with few dlclose() is seldom.
 */

/** What the index needs to know of a mapping; whatever else it has is kept. */
export type MappedRange = {
  readonly start: bigint;
  readonly end: bigint;
  /** File offset of `start`. */
  readonly offset: number;
};

type Life<M> = { readonly mapping: M; readonly from: number; until: number };

/** Times are numbers in any unit that never goes backwards between calls of `add` and `remove`. */
export class MappingIndex<M extends MappedRange> {
  /** By ascending start, never overlapping. */
  private readonly present: Life<M>[] = [];
  private readonly past: Life<M>[] = [];
  /** For each of `past`, the highest end up to there: how far a search has to go back. */
  private pastEnds: bigint[] | undefined;

  /** The mapping exists from `time` on, instead of whatever was in its range. */
  add(time: number, mapping: M): void {
    this.remove(time, mapping.start, mapping.end);
    this.present.splice(this.firstEndingAfter(mapping.start), 0, { mapping, from: time, until: Infinity });
  }

  /** Nothing is mapped in [start, end) from `time` on. */
  remove(time: number, start: bigint, end: bigint): void {
    const first = this.firstEndingAfter(start);
    let last = first;
    const rest: Life<M>[] = [];
    for (; last < this.present.length && this.present[last].mapping.start < end; last++) {
      const life = this.present[last];
      const { mapping } = life;
      if (mapping.start < start) rest.push({ ...life, mapping: cut(mapping, mapping.start, start) });
      if (mapping.end > end) rest.push({ ...life, mapping: cut(mapping, end, mapping.end) });
      // What remains on either side has its own entry; only the middle ends.
      const from = mapping.start > start ? mapping.start : start;
      const to = mapping.end < end ? mapping.end : end;
      if (life.from < time) this.past.push({ mapping: cut(mapping, from, to), from: life.from, until: time });
    }
    if (last === first) return;
    this.present.splice(first, last - first, ...rest);
    this.pastEnds = undefined;
  }

  /** What was mapped at an absolute address at that time. */
  lookup(time: number, address: bigint): M | undefined {
    const life = this.present[this.firstEndingAfter(address)];
    if (life && life.mapping.start <= address && life.from <= time) return life.mapping;
    return this.lookupPast(time, address);
  }

  /** The mappings that exist now, by ascending start. */
  current(): M[] {
    return this.present.map((life) => life.mapping);
  }

  private lookupPast(time: number, address: bigint): M | undefined {
    this.pastEnds ??= this.sortPast();
    let index = upperBound(this.past, ({ mapping }) => mapping.start <= address);
    if (index === 0) return undefined;
    // Straight to the last of this start that had begun by then: a plug-in may have come and gone a thousand times.
    const start = this.past[index - 1].mapping.start;
    index = upperBound(this.past, (l) => l.mapping.start < start || (l.mapping.start === start && l.from <= time));
    while (--index >= 0 && this.pastEnds[index] > address) {
      const { mapping, from, until } = this.past[index];
      if (address < mapping.end && from <= time && time < until) return mapping;
    }
    return undefined;
  }

  private sortPast(): bigint[] {
    this.past.sort((a, b) => {
      if (a.mapping.start !== b.mapping.start) return a.mapping.start < b.mapping.start ? -1 : 1;
      return a.from - b.from;
    });
    let end = 0n;
    return this.past.map(({ mapping }) => {
      if (mapping.end > end) end = mapping.end;
      return end;
    });
  }

  /** Index of the first present mapping that ends above `address`. */
  private firstEndingAfter(address: bigint): number {
    return upperBound(this.present, ({ mapping }) => mapping.end <= address);
  }
}

/** How many items at the start satisfy `before`; all that do must come first. */
function upperBound<T>(items: readonly T[], before: (item: T) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(items[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}

function cut<M extends MappedRange>(mapping: M, start: bigint, end: bigint): M {
  if (start === mapping.start && end === mapping.end) return mapping;
  return { ...mapping, start, end, offset: mapping.offset + Number(start - mapping.start) };
}
