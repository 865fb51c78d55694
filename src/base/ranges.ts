/** Ranges of addresses that do not overlap, by ascending start. */

/**
 * The range that holds an address, by binary search.
 *
 * @param ranges by ascending start, none overlapping another; `end` is the first address behind it.
 */
export function findRange<R extends { readonly start: bigint; readonly end: bigint }>(
  ranges: readonly R[],
  address: bigint,
): R | undefined {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle].start <= address) low = middle + 1;
    else high = middle;
  }
  const candidate = ranges[low - 1];
  return candidate && address < candidate.end ? candidate : undefined;
}
