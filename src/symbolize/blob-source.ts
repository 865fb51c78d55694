/**
 * A file that a user chose in a browser, read piece by piece: for a worker, since only there reading is synchronous
 * (File API, "FileReaderSync").
 *
 * Every read asks another process, at some 0.2 ms each. So all but the largest come from pages that are kept.
 */

import { type ByteSource, checkRange } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";

const PAGE_SIZE = 256 * 1024;
/** Kept pages: 32 × 256 KiB = 8 MiB a file. */
const MAX_PAGES = 32;

/** Not among Node's types. */
declare const FileReaderSync: new () => { readAsArrayBuffer(blob: Blob): ArrayBuffer };

/** `bytesRead`: really read from the file so far. */
export type BlobSource = ByteSource & { readonly bytesRead: number };

/** @param blob a `File` or other `Blob`; what it stands for must not change while it is read. */
export function blobSource(name: string, blob: Blob): BlobSource {
  const reader = new FileReaderSync();
  const pages = new Map<number, Uint8Array>();
  let bytesRead = 0;

  function readDirectly(offset: number, length: number): Uint8Array {
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(reader.readAsArrayBuffer(blob.slice(offset, offset + length)));
    } catch (cause) {
      throw new LeaklineError("io", `${name}: reading failed`, { cause, hint: "choose the file again" });
    }
    if (bytes.length !== length) throw new LeaklineError("io", `${name}: became shorter while it was read`);
    bytesRead += length;
    return bytes;
  }

  function page(index: number): Uint8Array {
    const start = index * PAGE_SIZE;
    const bytes = pages.get(index) ?? readDirectly(start, Math.min(PAGE_SIZE, blob.size - start));
    // Re-inserted last: a Map iterates in insertion order, so the first key is the least recently used.
    pages.delete(index);
    pages.set(index, bytes);
    if (pages.size > MAX_PAGES) pages.delete(pages.keys().next().value as number);
    return bytes;
  }

  return {
    name,
    size: blob.size,
    get bytesRead() {
      return bytesRead;
    },
    read(offset, length) {
      checkRange(name, blob.size, offset, length);
      const first = Math.floor(offset / PAGE_SIZE);
      const start = offset - first * PAGE_SIZE;
      if (start + length > PAGE_SIZE) return readDirectly(offset, length);
      return length === 0 ? new Uint8Array(0) : page(first).subarray(start, start + length);
    },
  };
}
