/**
 * Reading pieces of a source that mostly lie side by side, or one of which begins with the length of the whole: more is read
 * than was asked for, and what is there already is not read again.
 */

import { type ByteSource, checkLength, checkRange } from "./bytes.ts";

/** Zeros behind what was read. */
export const PADDING = 16;

export class ReadWindow {
  private readonly ahead: number;
  private readonly room: (size: number) => Uint8Array;
  private source: ByteSource | undefined;
  private start = 0;
  /** Bytes that are in it. */
  length = 0;

  /**
   * @param ahead bytes that are read at least.
   * @param room gives so many bytes of memory or more, in which is what was in them before.
   */
  constructor(ahead: number, room = growingRoom()) {
    this.ahead = ahead;
    this.room = room;
  }

  /** As `source.read`; valid only until the next call. Of a source that is in memory itself, nothing is copied. */
  read(source: ByteSource, offset: number, length: number): Uint8Array {
    if (!source.readInto) return source.read(offset, length);
    checkRange(source.name, source.size, offset, length);
    checkLength(source.name, length);
    const at = offset - this.start;
    const isNear = source === this.source && at >= 0 && at <= this.length;
    if (!isNear || length > this.length - at) this.fill(source, offset, length, isNear ? this.length - at : 0);
    const from = offset - this.start;
    return this.room(this.length).subarray(from, from + length);
  }

  /** @param kept bytes from `offset` on that are there already, the last ones of the window. */
  private fill(source: ByteSource, offset: number, length: number, kept: number): void {
    const wanted = Math.max(length, Math.min(this.ahead, source.size - offset));
    const bytes = this.room(wanted + PADDING);
    if (kept > 0) bytes.copyWithin(0, this.length - kept, this.length);
    // Should reading fail half-way, nothing of it may be taken for what stood there before.
    this.source = undefined;
    this.length = 0;
    source.readInto?.(offset + kept, bytes.subarray(kept, wanted));
    bytes.fill(0, wanted, wanted + PADDING);
    this.source = source;
    this.start = offset;
    this.length = wanted;
  }
}

function growingRoom(): (size: number) => Uint8Array {
  let bytes = new Uint8Array(0);
  return (size) => {
    if (size > bytes.length) {
      const larger = new Uint8Array(Math.max(size, 2 * bytes.length));
      larger.set(bytes);
      bytes = larger;
    }
    return bytes;
  };
}
