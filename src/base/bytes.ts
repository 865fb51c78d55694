/**
 * Where bytes come from.
 *
 * Everything that parses takes a `ByteSource`, so the same code reads a file on disk piece by piece, a section that
 * was decompressed into memory, or an upload in a browser. Reads are synchronous and bounded: asking for bytes that
 * are not there is an error that names the source.
 */

import { LeaklineError, MalformedError } from "./errors.ts";

export type ByteSource = {
  /** For messages: a path, or a path and a section. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /** For a file on disk: what changes when the file does (device, inode, size, times). */
  readonly identity?: string;
  /** For a file on disk: whether somebody wrote to it since it was opened, so that what was read may not fit together. */
  hasChanged?(): boolean;
  /**
   * Bytes [offset, offset + length). The result may be a view of shared memory: it is read-only by contract, and
   * valid for as long as the caller keeps it.
   *
   * @throws MalformedError when the range does not lie inside the source.
   */
  read(offset: number, length: number): Uint8Array;
  /** As `read`, into bytes of the caller's. A source that is in memory has no need of it. */
  readInto?(offset: number, target: Uint8Array): void;
  /** Bytes of memory that it holds for as long as it is open; without it, all of it when it has no `readInto`, else none. */
  readonly memory?: number;
  /** Gives back what the source holds of the system, such as a file descriptor. Reading ends with it. */
  close?(): void;
};

export type CompressionMethod = "zlib" | "gzip" | "zstd" | "xz";

/** Turns compressed bytes into exactly `size` bytes, or throws a LeaklineError. Injected, so that the pure layers need no Node module. */
export type Decompress = {
  (method: CompressionMethod, input: Uint8Array, size: number): Uint8Array;
  /**
   * Where there is a way to do without all of it in memory: a source that decompresses as far as it is read. What is
   * damaged shows when it is read. To be closed.
   *
   * @param size of what `input` stands for; a read behind its true end throws.
   * @returns undefined for what is better decompressed at once.
   */
  piecewise?(method: CompressionMethod, input: ByteSource, size: number): ByteSource | undefined;
};

/** Bytes that are already in memory. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    read(offset, length) {
      checkRange(name, bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/**
 * The part [offset, offset + length) of another source, as a source of its own.
 *
 * @throws MalformedError when the part does not lie inside `source`.
 */
export function sliceSource(source: ByteSource, name: string, offset: number, length: number): ByteSource {
  checkRange(source.name, source.size, offset, length);
  return {
    name,
    size: length,
    read(from, count) {
      checkRange(name, length, from, count);
      return source.read(offset + from, count);
    },
    ...(source.readInto && {
      readInto(from: number, target: Uint8Array) {
        checkRange(name, length, from, target.length);
        source.readInto?.(offset + from, target);
      },
    }),
  };
}

/**
 * Room that is read into again and again. A batch reads hundreds of megabytes piece by piece: as an array for each
 * piece, they would wait in memory for the garbage collector.
 */
export class ReadBuffer {
  private room = new Uint8Array(0);

  /** As `source.read`, but the result is valid only until the next call. */
  read(source: ByteSource, offset: number, length: number): Uint8Array {
    if (!source.readInto) return source.read(offset, length);
    checkRange(source.name, source.size, offset, length);
    checkLength(source.name, length);
    if (length > this.room.length)
      this.room = new Uint8Array(Math.max(length, Math.min(this.room.length * 2, MAX_ROOM)));
    const bytes = this.room.subarray(0, length);
    source.readInto(offset, bytes);
    return bytes;
  }
}

/** Room grows by doubling up to this, in bytes, and from there on only as far as is needed. */
const MAX_ROOM = 1 << 24;

/** One read: 1 GiB. A sparse file has any size, and costs whoever made it nothing. */
const MAX_READ = 1 << 30;

/** @throws LeaklineError `limit` for more bytes than are read at once. */
export function checkLength(name: string, length: number): void {
  if (length > MAX_READ) throw new LeaklineError("limit", `${name}: more than ${MAX_READ} bytes wanted at once`);
}

/** @throws MalformedError unless [offset, offset + length) lies inside [0, size). Also catches NaN and fractions. */
export function checkRange(name: string, size: number, offset: number, length: number): void {
  if (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset <= size - length
  )
    return;
  throw new MalformedError(name, "bytes", offset, `${length} bytes wanted, the source has ${size}`);
}

/**
 * The zero-terminated string at `offset`, without its terminator, as bytes.
 *
 * @param limit longest string accepted, in bytes; a longer or unterminated one is an error, not a truncation.
 */
export function readCString(source: ByteSource, offset: number, limit = 1 << 20): Uint8Array {
  let length = 64;
  for (;;) {
    const available = Math.min(length, source.size - offset);
    const bytes = source.read(offset, Math.max(available, 1));
    const end = bytes.indexOf(0);
    if (end >= 0) return bytes.subarray(0, end);
    if (available < length || length > limit)
      throw new MalformedError(source.name, "string", offset, "unterminated string");
    length *= 4;
  }
}

// ignoreBOM: true keeps U+FEFF at the start; the default drops it.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** UTF-8 to text; bytes that are not UTF-8 become U+FFFD, never an exception. */
export function decodeText(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}
