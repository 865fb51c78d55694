/**
 * The strings of an index that is being written, each once: their UTF-8 with its length before it.
 *
 * A program has a hundred megabytes of them, so they are not kept as keys of a map but found by a hash of their bytes, and
 * compared with what was written; the strings used last are known as they are.
 */

import { Answers } from "../answers.ts";
import type { ByteList } from "./byte-list.ts";

/** Strings known without a search. */
const RECENT = 1 << 14;

export class StringTable {
  private readonly written: ByteList;
  private readonly recent = new Answers<string, number>(RECENT);
  private readonly encoder = new TextEncoder();
  private room = new Uint8Array(1 << 12);
  /** Open addressing: by hash, the hash and the offset of a string; offset 0 is none. */
  private hashes = new Int32Array(1 << 10);
  private offsets = new Uint32Array(1 << 10);
  private count = 0;

  /** @param written where they go: its first byte is no string. */
  constructor(written: ByteList) {
    this.written = written;
  }

  /** Where a string stands; it is written when it does not yet. 0 for undefined. */
  offsetOf(text: string | undefined): number {
    if (text === undefined) return 0;
    let offset = this.recent.get(text);
    if (offset !== undefined) return offset;
    offset = this.offsetOfRecord(this.encode(text));
    this.recent.set(text, offset);
    return offset;
  }

  /** Likewise, of UTF-8. */
  offsetOfBytes(bytes: Uint8Array): number {
    this.reserve(bytes.length);
    this.room.set(bytes, 8);
    return this.offsetOfRecord(this.withLength(bytes.length));
  }

  private offsetOfRecord(record: Uint8Array): number {
    const hash = hashOf(record);
    const slot = this.find(record, hash);
    let offset = this.offsets[slot];
    if (offset === 0) {
      offset = this.written.length;
      this.written.append(record);
      this.fill(slot, hash, offset);
    }
    return offset;
  }

  /** Makes a string known that is written already. */
  know(text: string, offset: number): void {
    const record = this.encode(text);
    const hash = hashOf(record);
    this.fill(this.find(record, hash), hash, offset);
  }

  /** Its length, and its bytes. Valid until the next. */
  private encode(text: string): Uint8Array {
    this.reserve(3 * text.length);
    return this.withLength(this.encoder.encodeInto(text, this.room.subarray(8)).written);
  }

  private reserve(bytes: number): void {
    if (8 + bytes > this.room.length) this.room = new Uint8Array(2 * (8 + bytes));
  }

  /** The bytes in `room` from 8 on, with their length before them. */
  private withLength(written: number): Uint8Array {
    // Before the bytes, as many of the eight as the length takes.
    let size = 1;
    for (let rest = written; rest > 0x7f; rest >>>= 7) size++;
    const start = 8 - size;
    for (let i = 0, rest = written; i < size; i++, rest >>>= 7)
      this.room[start + i] = (rest & 0x7f) | (i < size - 1 ? 0x80 : 0);
    return this.room.subarray(start, 8 + written);
  }

  /** The slot of a record, or the free one that it belongs into. */
  private find(record: Uint8Array, hash: number): number {
    const mask = this.hashes.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const offset = this.offsets[slot];
      if (offset === 0 || (this.hashes[slot] === hash && this.written.has(offset, record))) return slot;
    }
  }

  private fill(slot: number, hash: number, offset: number): void {
    this.hashes[slot] = hash;
    this.offsets[slot] = offset;
    if (++this.count * 2 > this.hashes.length) this.grow();
  }

  private grow(): void {
    const { hashes, offsets } = this;
    const mask = 2 * hashes.length - 1;
    this.hashes = new Int32Array(mask + 1);
    this.offsets = new Uint32Array(mask + 1);
    for (const [i, offset] of offsets.entries()) {
      if (offset === 0) continue;
      let slot = hashes[i] & mask;
      while (this.offsets[slot] !== 0) slot = (slot + 1) & mask;
      this.hashes[slot] = hashes[i];
      this.offsets[slot] = offset;
    }
  }
}

/** FNV-1a. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return hash ^ (hash >>> 15);
}
