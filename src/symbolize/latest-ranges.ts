/**
 * Ranges that were stated one after another, where a later one replaces what it overlaps of the earlier: code that is
 * generated at run time reuses memory. Turned once into ranges that do not overlap, so that a lookup is one binary
 * search however the ranges lie.
 *
 * One sweep by ascending start. The ranges that are open at a point wait in a heap with the latest on top, and that
 * one has the point.
 */

/** Range `i` of the result begins at `begins[i]` and lasts to `begins[i + 1]`, or to its owner's end if that is sooner. */
export type LatestRanges = { readonly begins: Float64Array; readonly owners: Uint32Array };

/**
 * @param starts by range, in the order in which they were stated.
 * @param ends likewise, exclusive; each greater than its start.
 */
export function latestRanges(starts: Float64Array, ends: Float64Array): LatestRanges {
  const count = starts.length;
  const order = new Uint32Array(count).map((_, index) => index);
  order.sort((a, b) => starts[a] - starts[b]);
  // Each range begins at most two: at its start, and where one that hid it ends.
  const begins = new Float64Array(2 * count);
  const owners = new Uint32Array(2 * count);
  const open = new Heap(count);
  let length = 0;
  let position = 0;
  for (let i = 0; i <= count; i++) {
    const next = i < count ? starts[order[i]] : Number.POSITIVE_INFINITY;
    while (open.size > 0 && position < next) {
      const latest = open.top;
      if (ends[latest] <= position) {
        open.pop();
        continue;
      }
      begins[length] = position;
      owners[length++] = latest;
      position = Math.min(ends[latest], next);
    }
    position = next;
    if (i < count) open.push(order[i]);
  }
  return { begins: begins.slice(0, length), owners: owners.slice(0, length) };
}

/** A binary heap of numbers, the greatest on top. */
class Heap {
  size = 0;
  private readonly items: Uint32Array;

  constructor(capacity: number) {
    this.items = new Uint32Array(capacity);
  }

  /** Meaningless when the heap is empty. */
  get top(): number {
    return this.items[0];
  }

  push(item: number): void {
    const { items } = this;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (items[parent] >= item) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = item;
  }

  pop(): void {
    const { items } = this;
    const size = --this.size;
    const item = items[size];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && items[child + 1] > items[child]) child++;
      if (items[child] <= item) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = item;
  }
}
