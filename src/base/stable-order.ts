/**
 * Sorting by a column of integers.
 *
 * A typed array without a comparison is sorted by the engine itself, several times faster than by code of ours that has not
 * been compiled yet: so each value is sorted together with its index, as one number.
 */

/**
 * Indices 0..count-1 in ascending order of the values.
 *
 * @param values integers.
 * @param amongEqual which of two indices of one value comes first; where it does not tell, they stay as they were.
 */
export function stableOrder(
  values: Float64Array | Int32Array,
  count: number,
  amongEqual?: (a: number, b: number) => number,
): Uint32Array {
  const order = ascending(values, count);
  if (!amongEqual) return order;
  for (let from = 0, to = 0; from < count; from = to) {
    let isInOrder = true;
    for (to = from + 1; to < count && values[order[to]] === values[order[from]]; to++)
      if (amongEqual(order[to - 1], order[to]) > 0) isInOrder = false;
    if (!isInOrder) order.subarray(from, to).sort((a, b) => amongEqual(a, b) || a - b);
  }
  return order;
}

function ascending(values: Float64Array | Int32Array, count: number): Uint32Array {
  const order = new Uint32Array(count);
  let isSorted = true;
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const value = values[i];
    order[i] = i;
    if (value < greatest) isSorted = false;
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  if (isSorted) return order;
  // What is further apart is not told exactly by a double.
  if (!((greatest - least + 1) * count <= Number.MAX_SAFE_INTEGER))
    return order.sort((a, b) => values[a] - values[b] || a - b);
  const keys = new Float64Array(count);
  for (let i = 0; i < count; i++) keys[i] = (values[i] - least) * count + i;
  keys.sort();
  for (let i = 0; i < count; i++) order[i] = keys[i] % count;
  return order;
}
