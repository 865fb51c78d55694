/**
 * Reading structures of unknown length from a section piece by piece.
 *
 * A range list or an abbreviation table says only at its end how long it is, and its section may be hundreds of
 * megabytes. So it is read through a window that moves on and doubles.
 */

import { type ByteSource, checkRange } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";

const FIRST_WINDOW = 256;
const MAX_WINDOW = 64 * 1024;

/** Where windows are put: what was there before is gone. */
export type Room = {
  /** Bytes of the source with these, and `skipped` ones in front of them. */
  read(source: ByteSource, offset: number, length: number): Uint8Array;
  /** Of the last window. Default: 0. */
  readonly skipped?: number;
};

export class SectionCursor {
  readonly source: ByteSource;
  private readonly littleEndian: boolean;
  private cursor: Cursor;
  private window: number;
  private readonly firstWindow: number;
  private readonly room: Room | undefined;

  /**
   * @param room where the window is put; without it, each is an array of its own.
   * @throws MalformedError when `offset` is not inside the source.
   */
  constructor(source: ByteSource, littleEndian: boolean, offset: number, window = FIRST_WINDOW, room?: Room) {
    this.source = source;
    this.room = room;
    this.littleEndian = littleEndian;
    this.window = window;
    this.firstWindow = window;
    this.cursor = this.fill(offset);
  }

  /** Where the next byte stands in the section. */
  get offset(): number {
    return this.cursor.base + this.cursor.position;
  }

  /**
   * A cursor at the current position with at least `count` bytes left, or fewer when the section ends before: then it
   * throws when one reads that far. Valid until the next call.
   */
  need(count: number): Cursor {
    const { cursor } = this;
    if (cursor.remaining >= count || cursor.base + cursor.end >= this.source.size) return cursor;
    this.window = Math.max(count, Math.min(this.window * 2, MAX_WINDOW));
    this.cursor = this.fill(this.offset);
    return this.cursor;
  }

  /** Continues at another offset of the section. */
  seek(offset: number): void {
    const within = offset - this.cursor.base;
    if (within >= 0 && within <= this.cursor.end) this.cursor.position = within;
    else {
      this.window = this.firstWindow;
      this.cursor = this.fill(offset);
    }
  }

  private fill(offset: number): Cursor {
    // Here, for an error that does not depend on how large the window has become.
    checkRange(this.source.name, this.source.size, offset, 0);
    const length = Math.min(this.window, this.source.size - offset);
    // Should reading into the room fail half-way, nothing of it may be taken for what stood there before.
    if (this.room && this.cursor) this.cursor.end = this.cursor.position = 0;
    const bytes = this.room ? this.room.read(this.source, offset, length) : this.source.read(offset, length);
    const skipped = this.room?.skipped ?? 0;
    const cursor = new Cursor(bytes, this.littleEndian, this.source.name, "section", offset - skipped);
    cursor.position = skipped;
    return cursor;
  }
}
