/**
 * Typed arrays that grow, for tables whose length is not known before they are read.
 *
 * An empty one takes no memory of its own: many a function has no inlined call.
 */

/** Small lists grow by more: to make an array takes far longer than to fill a short one. */
function roomAfter(length: number): number {
  return length === 0 ? 16 : length < 4096 ? length * 4 : length * 2;
}

const NO_INT32 = new Int32Array(0);
const NO_FLOAT64 = new Float64Array(0);

export class Int32List {
  length = 0;
  /** Elements [0, length) count; what lies behind them is unused room. Replaced when the list grows. */
  values = NO_INT32;

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Int32Array(roomAfter(this.length));
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }
}

export class Float64List {
  length = 0;
  /** Elements [0, length) count; what lies behind them is unused room. Replaced when the list grows. */
  values = NO_FLOAT64;

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Float64Array(roomAfter(this.length));
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }

  pushAll(values: Float64Array): void {
    const length = this.length + values.length;
    if (length > this.values.length) {
      const larger = new Float64Array(Math.max(length, 2 * this.values.length));
      larger.set(this.values);
      this.values = larger;
    }
    this.values.set(values, this.length);
    this.length = length;
  }
}
