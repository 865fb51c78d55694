/**
 * Verified reading of an index: bytes come from pages whose checksum was right when they were read from the file.
 *
 * The last few pages stay in memory. `locate` hands out a place in a page instead of a view of it: a batch asks for
 * some hundred thousand records of a dozen bytes.
 */

import type { ByteSource } from "../../base/bytes.ts";
import { MalformedError } from "../../base/errors.ts";
import { type Checksum, type Extent, HEADER_SIZE, type Header, PAGE_SIZE, pageCount } from "./header.ts";

/** Pages kept: 256 × 16 KiB = 4 MiB. Batches ask in the order of addresses, which is nearly that of the pages. */
const MAX_PAGES = 256;
/** Longest index that is loaded as a whole: 256 MiB. */
const MAX_LOADED = 1 << 28;

export class Pages {
  /** After `locate`: bytes that hold the record, and where in them it begins. */
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  private readonly source: ByteSource;
  private readonly header: Header;
  private readonly checksum: Checksum;
  private readonly checksums: DataView;
  private readonly pages = new Map<number, Uint8Array>();
  private lastIndex = -1;
  private last: Uint8Array = this.bytes;
  /** All of them, when they were loaded. */
  private all: Uint8Array | undefined;

  /** @throws MalformedError when the table of checksums is damaged. */
  constructor(source: ByteSource, header: Header, checksum: Checksum) {
    this.source = source;
    this.header = header;
    this.checksum = checksum;
    const table = source.read(header.pagesEnd, 4 * pageCount(header.pagesEnd));
    if (checksum(table) !== header.tableChecksum)
      throw new MalformedError(source.name, "index", header.pagesEnd, "wrong checksum of checksums");
    this.checksums = new DataView(table.buffer, table.byteOffset, table.byteLength);
  }

  /**
   * Makes `bytes` and `at` point to `offset` of a part, with at least `length` bytes behind it, or as many as the part has.
   *
   * @returns the bytes there are, at most `length`.
   * @throws MalformedError when the part has none there, or their page is damaged.
   */
  locate(part: Extent, offset: number, length: number): number {
    if (!(offset >= 0 && offset < part.length))
      throw this.damaged(part.offset + offset, "reference outside of its part");
    const available = Math.min(length, part.length - offset);
    const start = part.offset + offset - HEADER_SIZE;
    if (this.all) {
      this.bytes = this.all;
      this.at = start;
      return available;
    }
    const first = Math.floor(start / PAGE_SIZE);
    const inPage = start - first * PAGE_SIZE;
    const page = this.page(first);
    if (inPage + available <= page.length) {
      this.bytes = page;
      this.at = inPage;
      return available;
    }
    const joined = new Uint8Array(available);
    let done = 0;
    for (let index = first; done < available; index++) {
      const from = index === first ? inPage : 0;
      const piece = this.page(index).subarray(from, from + available - done);
      joined.set(piece, done);
      done += piece.length;
    }
    this.bytes = joined;
    this.at = 0;
    return available;
  }

  /**
   * Reads all pages at once, for a batch that asks in no order: when there are fewer of them than addresses. Else none, and
   * of a very large index none either.
   *
   * @returns whether they are in memory.
   * @throws MalformedError when one is damaged.
   */
  load(addresses: number): boolean {
    const size = this.header.pagesEnd - HEADER_SIZE;
    if (this.all || size > Math.min(addresses * PAGE_SIZE, MAX_LOADED)) return this.all !== undefined;
    const all = this.source.read(HEADER_SIZE, size);
    for (let at = 0; at < size; at += PAGE_SIZE) this.verify(all.subarray(at, at + PAGE_SIZE), at / PAGE_SIZE);
    this.all = all;
    this.pages.clear();
    return true;
  }

  damaged(at: number, what: string): MalformedError {
    return new MalformedError(this.source.name, "index", at, what);
  }

  private page(index: number): Uint8Array {
    if (index === this.lastIndex) return this.last;
    let page = this.pages.get(index);
    if (page) this.pages.delete(index);
    else {
      page = this.read(index);
      if (this.pages.size >= MAX_PAGES) this.pages.delete(this.pages.keys().next().value as number);
    }
    // Re-inserted last: a Map iterates in insertion order, so the first key is the least recently used.
    this.pages.set(index, page);
    this.lastIndex = index;
    this.last = page;
    return page;
  }

  private read(index: number): Uint8Array {
    const offset = HEADER_SIZE + index * PAGE_SIZE;
    const page = this.source.read(offset, Math.min(PAGE_SIZE, this.header.pagesEnd - offset));
    this.verify(page, index);
    return page;
  }

  private verify(page: Uint8Array, index: number): void {
    if (this.checksum(page) !== this.checksums.getUint32(4 * index, true))
      throw this.damaged(HEADER_SIZE + index * PAGE_SIZE, "wrong checksum");
  }
}
