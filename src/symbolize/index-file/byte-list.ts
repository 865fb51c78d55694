/**
 * Bytes that grow, with the two kinds of numbers that an index is written in: LEB128 (DWARF 5 §7.6) for what is mostly
 * small, and doubles for addresses, which may be negative.
 */

/** Takes what is too much for memory, piece by piece at its end, and gives it back. */
export type Overflow = {
  append(bytes: Uint8Array): void;
  /** Fills all of `target` with what begins at `offset`. */
  read(offset: number, target: Uint8Array): void;
};

/** Bytes in memory where there is an overflow. */
const IN_MEMORY = 1 << 20;
const PIECE = 1 << 18;

export class ByteList {
  private readonly overflow: Overflow | undefined;
  /** Bytes in the overflow; those in memory stand behind them. */
  private spilled = 0;
  private held = 0;
  private bytes = new Uint8Array(1 << 12);
  private view = new DataView(this.bytes.buffer);

  constructor(overflow?: Overflow) {
    this.overflow = overflow;
  }

  get length(): number {
    return this.spilled + this.held;
  }

  /** @param value a safe integer, 0 or more. */
  unsigned(value: number): void {
    this.reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.held++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.held++] = rest;
  }

  float64(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.held, value, true);
    this.held += 8;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.held, value, true);
    this.held += 4;
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.held);
    this.held += bytes.length;
  }

  /** Whether `wanted` is what stands at `offset`. */
  has(offset: number, wanted: Uint8Array): boolean {
    const { length } = wanted;
    if (offset + length > this.length) return false;
    const start = offset - this.spilled;
    let bytes = this.bytes.subarray(Math.max(start, 0), start + length);
    if (start < 0) {
      bytes = new Uint8Array(length);
      this.read(offset, bytes);
    }
    for (let i = 0; i < length; i++) if (bytes[i] !== wanted[i]) return false;
    return true;
  }

  /** All of it from the start, each piece valid until the next. */
  *pieces(): Generator<Uint8Array> {
    const room = new Uint8Array(Math.min(PIECE, this.spilled));
    for (let at = 0; at < this.spilled; at += PIECE) {
      const piece = room.subarray(0, Math.min(PIECE, this.spilled - at));
      this.overflow?.read(at, piece);
      yield piece;
    }
    yield this.bytes.subarray(0, this.held);
  }

  private read(offset: number, target: Uint8Array): void {
    const outside = Math.min(target.length, this.spilled - offset);
    this.overflow?.read(offset, target.subarray(0, outside));
    target.set(this.bytes.subarray(0, target.length - outside), outside);
  }

  private reserve(count: number): void {
    if (this.held + count <= this.bytes.length) return;
    if (this.overflow && this.held + count > IN_MEMORY) {
      this.overflow.append(this.bytes.subarray(0, this.held));
      this.spilled += this.held;
      this.held = 0;
      if (count <= this.bytes.length) return;
    }
    const larger = new Uint8Array(Math.max(this.held + count, 2 * this.bytes.length));
    larger.set(this.bytes.subarray(0, this.held));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}
