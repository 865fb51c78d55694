/**
 * Text as UTF-8 bytes, put together from pieces that are bytes already. A batch of 100,000 addresses prints hundreds of
 * megabytes of names: as strings, they would be decoded, joined and encoded again.
 */

/** Bytes are given away in pieces of so many, about. */
const PIECE = 1 << 18;
/** Shorter ones are copied byte by byte: a view of them costs more. */
const SHORT = 24;

const encoder = new TextEncoder();

export class ByteOutput {
  private readonly give: (bytes: Uint8Array) => void;
  private bytes = new Uint8Array(PIECE);
  private length = 0;
  /** What is before it is not undone. */
  private done = 0;

  /** @param give takes bytes, which it may keep. */
  constructor(give: (bytes: Uint8Array) => void) {
    this.give = give;
  }

  text(text: string): void {
    // Each UTF-16 unit becomes three bytes at most.
    this.reserve(3 * text.length);
    if (text.length > SHORT) {
      this.length += encoder.encodeInto(text, this.bytes.subarray(this.length)).written;
      return;
    }
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        this.length += encoder.encodeInto(text.slice(i), this.bytes.subarray(this.length)).written;
        return;
      }
      this.bytes[this.length++] = code;
    }
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
    this.digits(value, 10, 1);
  }

  /** @param value likewise. @param width padded with zeros to so many digits, at most 14. */
  hex(value: number, width = 1): void {
    this.digits(value, 16, width);
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
    if (done > 0) this.give(bytes.subarray(0, done));
    // Not written to again: whoever was given the bytes may still have them.
    this.bytes = new Uint8Array(room);
    this.bytes.set(bytes.subarray(done, length));
    this.length = length - done;
    this.done = 0;
  }

  private digits(value: number, base: number, width: number): void {
    this.reserve(16);
    let count = 1;
    for (let limit = base; limit <= value; limit *= base) count++;
    if (count < width) count = width;
    let rest = value;
    for (let at = this.length + count - 1; at >= this.length; at--) {
      const next = Math.floor(rest / base);
      const digit = rest - next * base;
      this.bytes[at] = digit < 10 ? 0x30 + digit : 0x57 + digit;
      rest = next;
    }
    this.length += count;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    this.giveAway(Math.max(PIECE, 2 * (this.length - this.done) + count));
  }
}
