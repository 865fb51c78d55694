/**
 * A memory of answers with a bound: what was not asked for lately is forgotten first.
 *
 * Two generations instead of an order of use: when the young one is full it becomes the old one, and the old one is
 * dropped. So a hit costs one lookup, and between half of `capacity` and all of it is remembered.
 */

export class Answers<K, V> {
  private readonly half: number;
  private young = new Map<K, V>();
  private old = new Map<K, V>();

  /** @param capacity most answers kept. */
  constructor(capacity: number) {
    this.half = Math.ceil(capacity / 2);
  }

  get(key: K): V | undefined {
    const value = this.young.get(key);
    if (value !== undefined) return value;
    const older = this.old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: K, value: V): void {
    if (this.young.size >= this.half) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }

  clear(): void {
    this.young.clear();
    this.old.clear();
  }
}
