/**
 * Room for a section whose lists are asked for in no order: in pages, of which the last few stay.
 *
 * The range lists of a large C++ unit are some hundred kilobytes, and its functions refer to them from the last to the
 * first, more or less. A window that moves on from each would read them a hundred times.
 */

import { type ByteSource, ReadBuffer } from "../base/bytes.ts";
import type { Room } from "./section-cursor.ts";

const PAGE_SIZE = 1 << 14;
/** 1 MiB for a section. */
const MAX_PAGES = 64;

export class SectionPages implements Room {
  skipped = 0;
  /** By number, least recently used first. */
  private readonly pages = new Map<number, Uint8Array>();
  private readonly joined = new ReadBuffer();
  private lastNumber = -1;
  private last: Uint8Array = new Uint8Array(0);

  /** Always for the same source. What lies in one page is handed out with all of it. */
  read(source: ByteSource, offset: number, length: number): Uint8Array {
    const number = Math.floor(offset / PAGE_SIZE);
    const start = number * PAGE_SIZE;
    this.skipped = 0;
    if (!source.readInto || offset + length > start + PAGE_SIZE) return this.joined.read(source, offset, length);
    const page = number === this.lastNumber ? this.last : this.page(source, number);
    this.skipped = offset - start;
    return source.size - start < PAGE_SIZE ? page.subarray(0, source.size - start) : page;
  }

  private page(source: ByteSource, number: number): Uint8Array {
    this.lastNumber = -1;
    let page = this.pages.get(number);
    if (page) this.pages.delete(number);
    else {
      page = this.takeRoom(source.size);
      const start = number * PAGE_SIZE;
      // Should it fail, the page is not among them.
      source.readInto?.(start, page.subarray(0, Math.min(PAGE_SIZE, source.size - start)));
    }
    // Re-inserted last: a Map iterates in insertion order.
    this.pages.set(number, page);
    this.last = page;
    this.lastNumber = number;
    return page;
  }

  private takeRoom(size: number): Uint8Array {
    for (const [oldest, page] of this.pages) {
      if (this.pages.size < MAX_PAGES) break;
      this.pages.delete(oldest);
      return page;
    }
    // Of a section that is smaller, this is the only one: a program may have thousands, in .dwo files.
    return new Uint8Array(Math.min(PAGE_SIZE, size));
  }
}
