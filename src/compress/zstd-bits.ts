/**
 * The two directions in which Zstandard packs bits (RFC 8878 §4.1).
 *
 * Tables are written forwards. Everything that was coded with them is read backwards, from the last bit that is set,
 * because the encoder wrote it in reverse.
 */

import { MalformedError } from "../base/errors.ts";

export class BackwardBits {
  private readonly bytes: Uint8Array;
  /** Bits not yet read. Negative once more were asked for than there are: those are zeros. */
  left: number;

  /** @throws MalformedError when the last byte, which marks where the bits end, is zero or missing. */
  constructor(bytes: Uint8Array) {
    const last = bytes.length > 0 ? bytes[bytes.length - 1] : 0;
    if (last === 0) throw damaged("a bit stream without its end mark");
    this.bytes = bytes;
    this.left = 8 * bytes.length - 8 + (31 - Math.clz32(last));
  }

  /** The next `count` bits, at most 31, the first of them highest. */
  read(count: number): number {
    if (count > MAX_AT_ONCE) {
      const high = this.read(count - 16);
      return high * 65536 + this.read(16);
    }
    this.left -= count;
    return this.at(this.left, count);
  }

  /** As `read`, without moving on. At most 24. */
  peek(count: number): number {
    return this.at(this.left - count, count);
  }

  private at(bit: number, count: number): number {
    if (bit < 0) return bit + count <= 0 ? 0 : (this.at(0, bit + count) << -bit) & ((1 << count) - 1);
    const { bytes } = this;
    const i = bit >>> 3;
    // Behind the last byte comes `undefined`, which `|` takes for 0.
    const word = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    return (word >>> (bit & 7)) & ((1 << count) - 1);
  }
}

/** Bits from the lowest of the first byte on. */
export class ForwardBits {
  private readonly bytes: Uint8Array;
  private bit = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** @throws MalformedError when fewer are left. */
  read(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++, this.bit++) {
      const at = this.bit >>> 3;
      if (at >= this.bytes.length) throw damaged("a table that is cut off");
      value |= ((this.bytes[at] >>> (this.bit & 7)) & 1) << i;
    }
    return value;
  }

  unreadBit(): void {
    this.bit--;
  }

  /** Whole bytes used so far. */
  get length(): number {
    return Math.ceil(this.bit / 8);
  }
}

/** What is wrong with the stream. There is no offset to give: bits are read from the middle of a block. */
export function damaged(what: string, at = 0): MalformedError {
  return new MalformedError("zstd", "stream", at, what);
}

/** Four bytes minus the seven bits that may have been read of the first. */
const MAX_AT_ONCE = 24;
