/** Reads the numbers of a record one after another. One reader is used for all records: a batch has some million. */

import type { Extent } from "./header.ts";
import type { Pages } from "./pages.ts";

export class Numbers {
  private readonly pages: Pages;
  private bytes: Uint8Array;
  private begin = 0;
  private end = 0;
  private position = 0;

  constructor(pages: Pages) {
    this.pages = pages;
    this.bytes = pages.bytes;
  }

  /**
   * Goes to a record, of which `length` bytes at most are read.
   *
   * @throws MalformedError as Pages.locate.
   */
  start(part: Extent, offset: number, length: number): void {
    const available = this.pages.locate(part, offset, length);
    this.bytes = this.pages.bytes;
    this.begin = this.pages.at;
    this.position = this.begin;
    this.end = this.begin + available;
  }

  /** Bytes read since. */
  get read(): number {
    return this.position - this.begin;
  }

  /** LEB128 (DWARF 5 §7.6), up to 2^53. @throws MalformedError */
  unsigned(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      if (this.position >= this.end || factor > 2 ** 49) throw this.pages.damaged(this.position, "number without end");
      const byte = this.bytes[this.position++];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  /** @throws MalformedError */
  float64(): number {
    if (this.position + 8 > this.end) throw this.pages.damaged(this.position, "number without end");
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.position, 8);
    this.position += 8;
    return view.getFloat64(0, true);
  }
}
