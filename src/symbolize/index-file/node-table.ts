/**
 * The nodes of an index that is being written, by what they consist of: each is written once, as long as it is known. A
 * table with open addressing that is emptied when it is full, since what repeats does so nearby.
 */

/** Nodes that are known at once. */
const MAX_NODES = 1 << 16;
/** By chance, so that nobody can write a file whose nodes collide. */
const SEED = (Math.random() * 2 ** 32) | 0;
/** Numbers of a node, which are its key. */
const WIDTH = 6;

export class NodeTable {
  /** By slot; 0 where it is free. */
  offsets = new Float64Array(1 << 8);
  private keys = new Float64Array(WIDTH << 8);
  private count = 0;

  /** The slot of a node, or the free one that it belongs into. */
  find(parent: number, code: number, file: number, line: number, column: number, lineSource: number): number {
    const { offsets, keys } = this;
    const mask = offsets.length - 1;
    let hash = Math.imul(parent ^ SEED, 0x9e3779b1) + code;
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) + file;
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) + line;
    hash = Math.imul(hash ^ (hash >>> 16), 0x9e3779b1) + column;
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    for (let slot = (hash ^ (hash >>> 13)) & mask; ; slot = (slot + 1) & mask) {
      if (offsets[slot] === 0) return slot;
      const at = WIDTH * slot;
      if (
        keys[at] === parent &&
        keys[at + 1] === code &&
        keys[at + 2] === file &&
        keys[at + 3] === line &&
        keys[at + 4] === column &&
        keys[at + 5] === lineSource
      )
        return slot;
    }
  }

  /** @param slot what `find` gave for the numbers that follow `offset`. */
  add(
    slot: number,
    offset: number,
    parent: number,
    code: number,
    file: number,
    line: number,
    column: number,
    lineSource: number,
  ): void {
    this.offsets[slot] = offset;
    const { keys } = this;
    const at = WIDTH * slot;
    keys[at] = parent;
    keys[at + 1] = code;
    keys[at + 2] = file;
    keys[at + 3] = line;
    keys[at + 4] = column;
    keys[at + 5] = lineSource;
    if (++this.count * 2 > this.offsets.length) this.makeRoom();
  }

  private makeRoom(): void {
    const { offsets, keys } = this;
    if (this.count >= MAX_NODES) {
      offsets.fill(0);
      this.count = 0;
      return;
    }
    this.offsets = new Float64Array(2 * offsets.length);
    this.keys = new Float64Array(2 * keys.length);
    for (let i = 0; i < offsets.length; i++) {
      if (offsets[i] === 0) continue;
      const at = WIDTH * i;
      const slot = this.find(keys[at], keys[at + 1], keys[at + 2], keys[at + 3], keys[at + 4], keys[at + 5]);
      this.offsets[slot] = offsets[i];
      this.keys.set(keys.subarray(at, at + WIDTH), WIDTH * slot);
    }
  }
}
