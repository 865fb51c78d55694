/**
 * Binary search, for every lookup by address here.
 */

/** How many of the sorted `values` are at most `wanted`: the index behind the last of them. */
export function upperBound(values: Float64Array, wanted: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
