/**
 * Bytes that grow, with the two kinds of numbers that an index is written in: LEB128 (DWARF 5 §7.6) for what is mostly
 * small, and doubles for addresses, which may be negative.
 */

export class ByteList {
  length = 0;
  private bytes = new Uint8Array(1 << 12);
  private view = new DataView(this.bytes.buffer);

  /** What was written; valid until more is. */
  get written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** @param value a safe integer, 0 or more. */
  unsigned(value: number): void {
    this.reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.length++] = rest;
  }

  float64(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  uint32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.length + count, 2 * this.bytes.length));
    larger.set(this.written);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}
