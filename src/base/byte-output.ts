/**
 * Text as UTF-8 bytes, put together from pieces that are bytes already. A batch of 100,000 addresses prints hundreds of
 * megabytes of names: as strings, they would be decoded, joined and encoded again.
 */

/** Bytes are given away in pieces of so many, about. */
const PIECE = 1 << 18;
/** Shorter ones are copied byte by byte: a view of them costs more. */
const SHORT = 24;

const ZERO = 0x30;
const LETTER_A = 0x61;

const encoder = new TextEncoder();

export class ByteOutput {
  private readonly give: (bytes: Uint8Array) => boolean;
  private bytes = new Uint8Array(PIECE);
  private length = 0;
  /** What is before it is not undone. */
  private done = 0;

  /** @param give takes bytes. When it returns true, it is done with them; else they are not written to again. */
  constructor(give: (bytes: Uint8Array) => boolean) {
    this.give = give;
  }

  text(text: string): void {
    // Each UTF-16 unit becomes three bytes at most.
    this.reserve(3 * text.length);
    this.length += encodeText(text, this.bytes, this.length);
  }

  /** The bytes [from, from + length) of `source`, which are UTF-8. */
  copy(source: Uint8Array, from: number, length: number): void {
    this.reserve(length);
    if (length > SHORT) {
      this.bytes.set(source.subarray(from, from + length), this.length);
      this.length += length;
      return;
    }
    const end = from + length;
    for (let i = from; i < end; i++) this.bytes[this.length++] = source[i];
  }

  /** @param value a safe integer, 0 or more. */
  decimal(value: number): void {
    this.reserve(16);
    let count = 1;
    for (let limit = 10; limit <= value; limit *= 10) count++;
    let rest = value;
    for (let at = this.length + count - 1; at >= this.length; at--) {
      const next = Math.floor(rest / 10);
      this.bytes[at] = ZERO + (rest - 10 * next);
      rest = next;
    }
    this.length += count;
  }

  /**
   * @param value a safe integer; a negative one as the 64 bits that it stands for, as addresses are kept (address.ts).
   * @param width padded with zeros to so many digits, at most 14.
   */
  hex(value: number, width = 1): void {
    this.reserve(16);
    const high = Math.floor(value / 2 ** 32) >>> 0;
    let low = value >>> 0;
    let count = high > 0 ? 8 + hexDigits(high) : hexDigits(low);
    if (count < width) count = width;
    const { length } = this;
    for (let i = count - 1; i >= 0; i--) {
      const digit = low & 15;
      this.bytes[length + i] = digit < 10 ? ZERO + digit : LETTER_A - 10 + digit;
      low = count - i === 8 ? high : low >>> 4;
    }
    this.length += count;
  }

  /** What was written so far stays. */
  commit(): void {
    this.done = this.length;
  }

  /** Takes back what was written since `commit`. */
  undo(): void {
    this.length = this.done;
  }

  /** Commits, and gives away what is left. */
  flush(): void {
    this.commit();
    if (this.length > 0) this.giveAway(PIECE);
  }

  private giveAway(room: number): void {
    const { bytes, done, length } = this;
    const isFree = done === 0 || this.give(bytes.subarray(0, done));
    if (!isFree || room > bytes.length) this.bytes = new Uint8Array(room);
    this.bytes.set(bytes.subarray(done, length));
    this.length = length - done;
    this.done = 0;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    this.giveAway(Math.max(PIECE, 2 * (this.length - this.done) + count));
  }
}

/**
 * Writes a text as UTF-8 to `bytes` from `at` on, which has room for it.
 *
 * @returns how many bytes it takes.
 */
export function encodeText(text: string, bytes: Uint8Array, at: number): number {
  const { length } = text;
  if (length > SHORT) return encoder.encodeInto(text, bytes.subarray(at)).written;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return i + encoder.encodeInto(text.slice(i), bytes.subarray(at + i)).written;
    bytes[at + i] = code;
  }
  return length;
}

function hexDigits(value: number): number {
  return value === 0 ? 1 : (35 - Math.clz32(value)) >> 2;
}
