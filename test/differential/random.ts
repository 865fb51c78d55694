/**
 * Random numbers that a printed seed brings back: mulberry32, a counter whose bits are mixed (32 bits of state, which is
 * plenty to choose addresses with).
 */

export type Random = {
  /** A whole number in [0, below). */
  below(below: number): number;
};

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
  return { below: (below) => Math.floor((next() / 2 ** 32) * below) };
}
