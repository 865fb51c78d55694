/**
 * Which ranges contain an address: a sorted table with a binary search and a short scan backwards.
 *
 * Ranges may overlap (units of one link, folded functions, a function inside another), so a search for the last begin
 * at or before the address is not enough. Beside each begin stands the largest end seen so far; the scan stops as soon
 * as that no longer reaches the address.
 */

import { stableOrder } from "../base/stable-order.ts";
import { upperBoundFrom } from "../base/upper-bound.ts";
import { Float64List } from "./growable.ts";

export class RangeTable {
  private readonly begins = new Float64List();
  private readonly ends = new Float64List();
  private readonly payloads = new Float64List();
  /** How many begins are at or before the address asked for last: a batch asks in order. */
  private passed = 0;
  private sorted:
    | { begin: Float64Array; end: Float64Array; largestEnd: Float64Array; payload: Float64Array }
    | undefined;

  get length(): number {
    return this.begins.length;
  }

  /** Adds [begin, end) with any number as payload; an empty or inverted range is ignored. */
  add(begin: number, end: number, payload: number): void {
    if (!(begin < end)) return;
    this.begins.push(begin);
    this.ends.push(end);
    this.payloads.push(payload);
    this.sorted = undefined;
    this.passed = 0;
  }

  /**
   * Rows that contain `address`, best first: the largest begin, then the smallest end, then the one added last. Start
   * with no `before` and pass the returned row to get the next.
   *
   * @returns a row for `payloadAt` and its siblings, or -1.
   */
  find(address: number, before = -1): number {
    const { begin, end, largestEnd } = this.sort();
    if (before < 0) this.passed = upperBoundFrom(begin, address, this.passed);
    let row = (before < 0 ? this.passed : before) - 1;
    for (; row >= 0 && largestEnd[row] > address; row--) if (end[row] > address) return row;
    return -1;
  }

  /** Adds all ranges to another table, with one payload. */
  copyInto(other: RangeTable, payload: number): void {
    for (let i = 0; i < this.begins.length; i++) other.add(this.begins.values[i], this.ends.values[i], payload);
  }

  payloadAt(row: number): number {
    return this.sort().payload[row];
  }

  beginAt(row: number): number {
    return this.sort().begin[row];
  }

  endAt(row: number): number {
    return this.sort().end[row];
  }

  private sort() {
    if (this.sorted) return this.sorted;
    const count = this.begins.length;
    const begins = this.begins.values;
    const ends = this.ends.values;
    const order = stableOrder(begins, count, (a, b) => ends[b] - ends[a]);
    const begin = new Float64Array(count);
    const end = new Float64Array(count);
    const largestEnd = new Float64Array(count);
    const payload = new Float64Array(count);
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const from = order[i];
      begin[i] = begins[from];
      end[i] = ends[from];
      payload[i] = this.payloads.values[from];
      if (end[i] > largest) largest = end[i];
      largestEnd[i] = largest;
    }
    this.sorted = { begin, end, largestEnd, payload };
    return this.sorted;
  }
}

/** The first index in [0, count) whose value is greater than `wanted`, or `count`. `values` ascends. */
export function upperBound(values: Float64Array, count: number, wanted: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}
