/**
 * Typed arrays that grow, for tables whose length is not known before they are read.
 *
 * An empty one takes no memory of its own: many a function has no inlined call.
 */

const FIRST_ROOM = 16;
const NO_INT32 = new Int32Array(0);
const NO_FLOAT64 = new Float64Array(0);

export class Int32List {
  length = 0;
  /** Elements [0, length) count; what lies behind them is unused room. Replaced when the list grows. */
  values = NO_INT32;

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Int32Array(Math.max(FIRST_ROOM, this.length * 2));
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
      const larger = new Float64Array(Math.max(FIRST_ROOM, this.length * 2));
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }
}
