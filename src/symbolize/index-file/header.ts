/**
 * The head of an index file, and how the rest is laid out. docs/index-format.md describes the whole format.
 *
 *     header | groups | rows | nodes | functions | strings | page checksums
 *
 * Everything between header and checksums is cut into pages, each with a CRC-32 of its own: a lookup reads and verifies
 * the few pages that it needs, never the file.
 */

import type { ByteSource } from "../../base/bytes.ts";
import { MalformedError } from "../../base/errors.ts";

/** CRC-32 (IEEE 802.3). Injected: Node's is ten times faster than any that runs in a browser. */
export type Checksum = (bytes: Uint8Array) => number;

/** To be raised whenever the format, or what it is filled with, changes. */
export const VERSION = 2;
const MAGIC = 0x584b_4c4c; // "LLKX"
export const HEADER_SIZE = 160;
/** Of the SHA-256 that says which files the index is of. */
export const KEY_SIZE = 32;
export const PAGE_SIZE = 1 << 14;
export const GROUP_SIZE = 16;
export const ROW_SIZE = 8;
/** Rows of one group: a search looks at one, after the groups themselves. */
export const GROUP_ROWS = 1024;
/** Longest index that is read or written. */
export const MAX_INDEX_SIZE = 1 << 30;

/** The parts of the file, in their order. */
export const PARTS = ["groups", "rows", "nodes", "functions", "strings"] as const;
export type Part = (typeof PARTS)[number];
/** Where a part begins in the file, and its length, in bytes. */
export type Extent = { readonly offset: number; readonly length: number };

export type Header = {
  /** Whether every address of the file has an answer in it, not only those that were asked for. */
  readonly isWhole: boolean;
  /** SHA-256 of what identifies the files. */
  readonly key: Uint8Array;
  readonly parts: Readonly<Record<Part, Extent>>;
  /** Where the pages end, and their checksums begin: one u32 a page. */
  readonly pagesEnd: number;
  readonly tableChecksum: number;
};

// Offsets in the header.
const AT_VERSION = 4;
const AT_FLAGS = 8;
const AT_TABLE_CHECKSUM = 12;
const AT_KEY = 16;
const AT_PARTS = AT_KEY + KEY_SIZE;
const AT_PAGES_END = AT_PARTS + 16 * PARTS.length;
const AT_CHECKSUM = HEADER_SIZE - 4;
const FLAG_WHOLE = 1;

export function pageCount(pagesEnd: number): number {
  return Math.ceil((pagesEnd - HEADER_SIZE) / PAGE_SIZE);
}

export function encodeHeader(header: Header, checksum: Checksum): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(AT_VERSION, VERSION, true);
  view.setUint32(AT_FLAGS, header.isWhole ? FLAG_WHOLE : 0, true);
  view.setUint32(AT_TABLE_CHECKSUM, header.tableChecksum, true);
  bytes.set(header.key, AT_KEY);
  for (const [i, part] of PARTS.entries()) {
    view.setFloat64(AT_PARTS + 16 * i, header.parts[part].offset, true);
    view.setFloat64(AT_PARTS + 16 * i + 8, header.parts[part].length, true);
  }
  view.setFloat64(AT_PAGES_END, header.pagesEnd, true);
  view.setUint32(AT_CHECKSUM, checksum(bytes.subarray(0, AT_CHECKSUM)), true);
  return bytes;
}

/**
 * @param key the SHA-256 that the index must have.
 * @throws MalformedError when it is damaged, of another version, or of other files.
 */
export function decodeHeader(source: ByteSource, key: Uint8Array, checksum: Checksum): Header {
  const bytes = source.read(0, HEADER_SIZE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const refuse = (at: number, what: string): MalformedError => new MalformedError(source.name, "index", at, what);
  if (view.getUint32(0, true) !== MAGIC) throw refuse(0, "no index");
  if (view.getUint32(AT_VERSION, true) !== VERSION) throw refuse(AT_VERSION, "of another version");
  if (view.getUint32(AT_CHECKSUM, true) !== checksum(bytes.subarray(0, AT_CHECKSUM)))
    throw refuse(AT_CHECKSUM, "wrong checksum");
  const found = bytes.slice(AT_KEY, AT_KEY + KEY_SIZE);
  if (found.some((byte, i) => byte !== key[i])) throw refuse(AT_KEY, "of other files");
  const parts = {} as Record<Part, Extent>;
  let end = HEADER_SIZE;
  for (const [i, part] of PARTS.entries()) {
    const offset = view.getFloat64(AT_PARTS + 16 * i, true);
    const length = view.getFloat64(AT_PARTS + 16 * i + 8, true);
    if (offset !== end || !Number.isSafeInteger(length) || length < 0)
      throw refuse(AT_PARTS + 16 * i, "parts in disorder");
    end += length;
    parts[part] = { offset, length };
  }
  const pagesEnd = view.getFloat64(AT_PAGES_END, true);
  if (end !== pagesEnd || source.size !== pagesEnd + 4 * pageCount(pagesEnd) || source.size > MAX_INDEX_SIZE)
    throw refuse(AT_PAGES_END, "of another length than it says");
  return {
    isWhole: (view.getUint32(AT_FLAGS, true) & FLAG_WHOLE) !== 0,
    key: found,
    parts,
    pagesEnd,
    tableChecksum: view.getUint32(AT_TABLE_CHECKSUM, true),
  };
}
