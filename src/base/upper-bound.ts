/**
 * Binary search, for lookups by address.
 */

/** As `upperBound`, for values that are asked for in order: searched from `last`, what was found last. */
export function upperBoundFrom(values: Float64Array, wanted: number, last: number): number {
  if (last > 0 && values[last - 1] > wanted) return upperBound(values, wanted);
  let low = last;
  let step = 1;
  for (; low + step <= values.length && values[low + step - 1] <= wanted; step *= 2) low += step;
  let high = Math.min(values.length, low + step - 1);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

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
