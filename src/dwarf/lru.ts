/**
 * A cache with a budget: what was used least recently goes first.
 *
 * The newest entry always stays, however large, so that a unit bigger than the budget can still be worked with.
 */

export class Lru<Value> {
  private readonly entries = new Map<number, { value: Value; weight: number }>();
  private readonly budget: number;
  private sum = 0;

  /** @param budget largest sum of weights, in whatever unit `set` is given. */
  constructor(budget: number) {
    this.budget = budget;
  }

  /** Sum of the weights of what is kept. */
  get total(): number {
    return this.sum;
  }

  get(key: number): Value | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    // Re-inserted last: a Map iterates in insertion order, so the first key is the least recently used.
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  /** Adds an entry, or gives one that is there a new value and weight. */
  set(key: number, value: Value, weight: number): void {
    this.sum -= this.entries.get(key)?.weight ?? 0;
    this.entries.delete(key);
    this.entries.set(key, { value, weight });
    this.sum += weight;
    for (const [oldest, entry] of this.entries) {
      if (this.sum <= this.budget || oldest === key) break;
      this.entries.delete(oldest);
      this.sum -= entry.weight;
    }
  }
}
