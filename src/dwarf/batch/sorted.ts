/** Sorted columns of numbers, as a batch keeps the addresses that are looked up. */

/** The first index in [0, count) whose value is at least `wanted`, or `count`. `values` ascends. */
export function lowerBound(values: Float64Array, count: number, wanted: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Elements to make room for when `count` are needed: columns are reused from unit to unit. */
export function roomFor(count: number): number {
  return Math.max(256, 2 ** Math.ceil(Math.log2(count)));
}
