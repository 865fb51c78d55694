/**
 * Many addresses at once: asked for by ascending address, so that each file and each unit of its debug information is
 * decoded once and then left, and given back in the order in which they came.
 */

/**
 * @param resolve called once for each different address, by ascending address.
 * @returns one answer for each address, in the order given; equal addresses share theirs.
 */
export function resolveInOrder<T>(addresses: readonly bigint[], resolve: (address: bigint) => T): T[] {
  const order = addresses.map((_, index) => index);
  order.sort((a, b) => (addresses[a] < addresses[b] ? -1 : addresses[a] > addresses[b] ? 1 : 0));
  const answers: T[] = new Array(addresses.length);
  let last = -1;
  for (const index of order) {
    const isSame = last >= 0 && addresses[last] === addresses[index];
    answers[index] = isSame ? answers[last] : resolve(addresses[index]);
    last = index;
  }
  return answers;
}
