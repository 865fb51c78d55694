/**
 * Reading of a file piece by piece. Small reads (headers, strings, symbols one by one) come from a few cached pages, so
 * that a thousand short strings do not cost a thousand system calls; large ones (a whole DWARF unit) go straight to the
 * file.
 */

import { checkLength, checkRange } from "../base/bytes.ts";

const PAGE_SIZE = 4 * 1024;
/** Kept pages: 128 × 4 KiB = 512 KiB a file. */
const MAX_PAGES = 128;

export type PagedReader = {
  read(offset: number, length: number): Uint8Array;
  readInto(offset: number, target: Uint8Array): void;
  /** Gives the pages back. */
  forget(): void;
};

/**
 * @param fill fills all of `target` with what begins at `offset`, or throws a LeaklineError.
 */
export function pagedReader(
  name: string,
  size: number,
  fill: (target: Uint8Array, offset: number) => void,
): PagedReader {
  const pages = new Map<number, Uint8Array>();

  function readExactly(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    fill(bytes, offset);
    return bytes;
  }

  function page(index: number): Uint8Array {
    let bytes = pages.get(index);
    if (bytes) {
      pages.delete(index);
    } else {
      const start = index * PAGE_SIZE;
      bytes = readExactly(start, Math.min(PAGE_SIZE, size - start));
      if (pages.size >= MAX_PAGES) pages.delete(pages.keys().next().value as number);
    }
    // Re-inserted last: a Map iterates in insertion order, so the first key is the least recently used.
    pages.set(index, bytes);
    return bytes;
  }

  return {
    read(offset, length) {
      checkRange(name, size, offset, length);
      checkLength(name, length);
      const first = Math.floor(offset / PAGE_SIZE);
      const start = offset - first * PAGE_SIZE;
      if (start + length > PAGE_SIZE) return readExactly(offset, length);
      return length === 0 ? new Uint8Array(0) : page(first).subarray(start, start + length);
    },
    readInto(offset, target) {
      checkRange(name, size, offset, target.length);
      fill(target, offset);
    },
    forget: () => pages.clear(),
  };
}
