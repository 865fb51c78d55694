/**
 * Typed arrays that grow, for tables whose length is not known before they are read.
 */

export class Int32List {
  length = 0;
  /** Elements [0, length) count; what lies behind them is unused room. Replaced when the list grows. */
  values = new Int32Array(16);

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Int32Array(this.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }
}

export class Float64List {
  length = 0;
  /** Elements [0, length) count; what lies behind them is unused room. Replaced when the list grows. */
  values = new Float64Array(16);

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Float64Array(this.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }
}
