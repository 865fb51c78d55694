/**
 * A reading position in bytes, for either byte order.
 *
 * Every read is bounded by `end` and throws a MalformedError that names the file, the part and the offset. Integers
 * come back as numbers: 64-bit ones signed, exact within ±2^53 (see address.ts for why that is the right choice).
 */

import { MalformedError } from "./errors.ts";

export class Cursor {
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  /** For error messages: file name and section. */
  readonly file: string;
  readonly part: string;
  /** What `bytes[0]` is in the part, so that errors show offsets a reader can look up. */
  readonly base: number;
  /** Next byte to be read, an index into `bytes`. */
  position: number;
  /** First byte not to be read. */
  end: number;

  constructor(bytes: Uint8Array, littleEndian: boolean, file: string, part: string, base = 0) {
    this.bytes = bytes;
    this.littleEndian = littleEndian;
    this.file = file;
    this.part = part;
    this.base = base;
    this.position = 0;
    this.end = bytes.length;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  /** A MalformedError at the current position, for the caller to throw. */
  malformed(what: string, at = this.position): MalformedError {
    return new MalformedError(this.file, this.part, this.base + at, what);
  }

  /** Reserves `count` bytes and returns the index of the first. */
  private take(count: number): number {
    const at = this.position;
    if (!(count >= 0 && count <= this.end - at)) throw this.malformed(`${count} bytes wanted, ${this.end - at} left`);
    this.position = at + count;
    return at;
  }

  skip(count: number): void {
    this.take(count);
  }

  /** @throws MalformedError when `position` is outside [0, end]. */
  seek(position: number): void {
    if (!(position >= 0 && position <= this.end))
      throw this.malformed(`seek to 0x${position.toString(16)}, beyond the end`);
    this.position = position;
  }

  u8(): number {
    if (this.position >= this.end) throw this.malformed("1 byte wanted, 0 left");
    return this.bytes[this.position++];
  }

  i8(): number {
    return (this.u8() << 24) >> 24;
  }

  u16(): number {
    const at = this.take(2);
    const b = this.bytes;
    return this.littleEndian ? b[at] | (b[at + 1] << 8) : (b[at] << 8) | b[at + 1];
  }

  i16(): number {
    return (this.u16() << 16) >> 16;
  }

  u24(): number {
    const at = this.take(3);
    const b = this.bytes;
    return this.littleEndian
      ? b[at] | (b[at + 1] << 8) | (b[at + 2] << 16)
      : (b[at] << 16) | (b[at + 1] << 8) | b[at + 2];
  }

  i32(): number {
    const at = this.take(4);
    const b = this.bytes;
    return this.littleEndian
      ? b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24)
      : (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3];
  }

  u32(): number {
    return this.i32() >>> 0;
  }

  /** Signed; exact within ±2^53. */
  i64(): number {
    if (this.littleEndian) {
      const low = this.u32();
      return this.i32() * 4294967296 + low;
    }
    const high = this.i32();
    return high * 4294967296 + this.u32();
  }

  u64big(): bigint {
    const first = BigInt(this.u32());
    const second = BigInt(this.u32());
    return this.littleEndian ? (second << 32n) | first : (first << 32n) | second;
  }

  /** An unsigned LEB128 (DWARF 5 §7.6). More than 64 bits' worth of bytes is malformed. */
  uleb(): number {
    const bytes = this.bytes;
    let at = this.position;
    const end = this.end;
    let byte = at < end ? bytes[at++] : this.runOut();
    let result = byte & 0x7f;
    let scale = 128;
    while (byte & 0x80) {
      byte = at < end ? bytes[at++] : this.runOut();
      result += (byte & 0x7f) * scale;
      scale *= 128;
      if (scale > 2 ** 84) throw this.malformed("LEB128 longer than 64 bits");
    }
    this.position = at;
    return result;
  }

  /** A signed LEB128 (DWARF 5 §7.6). */
  sleb(): number {
    const bytes = this.bytes;
    let at = this.position;
    const end = this.end;
    let result = 0;
    let scale = 1;
    let byte: number;
    do {
      byte = at < end ? bytes[at++] : this.runOut();
      result += (byte & 0x7f) * scale;
      scale *= 128;
      if (scale > 2 ** 84) throw this.malformed("LEB128 longer than 64 bits");
    } while (byte & 0x80);
    this.position = at;
    return byte & 0x40 ? result - scale : result;
  }

  skipLeb(): void {
    while (this.u8() & 0x80);
  }

  /** The next `count` bytes, as a view. */
  view(count: number): Uint8Array {
    const at = this.take(count);
    return this.bytes.subarray(at, at + count);
  }

  /** Bytes up to the next zero, as a view; the position moves behind the zero. */
  cString(): Uint8Array {
    const start = this.position;
    // Searched only up to `end`: going on to the end of a large section for every damaged string takes for ever.
    const rest = this.bytes.subarray(start, this.end);
    const length = rest.indexOf(0);
    if (length < 0) throw this.malformed("unterminated string");
    this.position = start + length + 1;
    return rest.subarray(0, length);
  }

  private runOut(): never {
    throw this.malformed("LEB128 runs off the end");
  }
}
