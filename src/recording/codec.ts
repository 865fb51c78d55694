/**
 * Values as bytes and back. A `Codec` is both directions of one description, so the two cannot drift apart.
 *
 * Integers are unsigned LEB128 (DWARF 5 §7.6 describes it), so that small numbers, which most are, take a byte.
 */

import { decodeText } from "../base/bytes.ts";
import type { Cursor } from "../base/cursor.ts";

export type Codec<T> = {
  write(to: ByteWriter, value: T): void;
  /** @throws MalformedError when the bytes are not such a value. */
  read(from: Cursor): T;
};

/** A growing byte buffer. */
export class ByteWriter {
  private buffer = new Uint8Array(256);
  private length = 0;

  byte(value: number): void {
    if (this.length === this.buffer.length) this.grow(1);
    this.buffer[this.length++] = value;
  }

  bytes(values: Uint8Array): void {
    this.grow(values.length);
    this.buffer.set(values, this.length);
    this.length += values.length;
  }

  /** What was written, as a view. */
  result(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }

  private grow(count: number): void {
    const needed = this.length + count;
    if (needed <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2));
    larger.set(this.buffer.subarray(0, this.length));
    this.buffer = larger;
  }
}

/** A whole number in [0, 2^53). */
export const unsigned: Codec<number> = {
  write(to, value) {
    let rest = value;
    while (rest >= 128) {
      to.byte((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    to.byte(rest);
  },
  read(from) {
    const value = from.uleb();
    if (!Number.isSafeInteger(value)) throw from.malformed("a number beyond 2^53");
    return value;
  },
};

/** A whole number in [0, maximum]: reading a larger one is an error. */
export function upTo(maximum: number): Codec<number> {
  return {
    write: unsigned.write,
    read(from) {
      const value = unsigned.read(from);
      if (value > maximum) throw from.malformed(`${value}, of ${maximum} at most`);
      return value;
    },
  };
}

/** 64 bits, little-endian: an absolute address. */
export const address: Codec<bigint> = {
  write(to, value) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    to.bytes(bytes);
  },
  read: (from) => from.u64big(),
};

/** 64 bits, little-endian: a virtual address, kept as a signed number (base/address.ts). */
export const signed: Codec<number> = {
  write: (to, value) => address.write(to, BigInt.asUintN(64, BigInt(value))),
  read: (from) => from.i64(),
};

const utf8 = new TextEncoder();

/** Length in bytes, then UTF-8. */
export const text: Codec<string> = {
  write(to, value) {
    const bytes = utf8.encode(value);
    unsigned.write(to, bytes.length);
    to.bytes(bytes);
  },
  read: (from) => decodeText(from.view(unsigned.read(from))),
};

/** An index into `names`. */
export function oneOf<T extends string>(...names: T[]): Codec<T> {
  return {
    write: (to, value) => unsigned.write(to, names.indexOf(value)),
    read(from) {
      const index = unsigned.read(from);
      if (index >= names.length) throw from.malformed(`value ${index}, of ${names.length} known`);
      return names[index];
    },
  };
}

/** Most elements in a list: what a hostile recording can make a reader hold at once. */
export const MAX_ELEMENTS = 1 << 20;

/** A count, then the elements. */
export function list<T>(element: Codec<T>): Codec<T[]> {
  return {
    write(to, values) {
      unsigned.write(to, values.length);
      for (const value of values) element.write(to, value);
    },
    read(from) {
      const count = upTo(MAX_ELEMENTS).read(from);
      // An element takes at least a byte: a count that lies must not cost memory.
      if (count > from.remaining) throw from.malformed(`a list of ${count}, with ${from.remaining} bytes left`);
      return Array.from({ length: count }, () => element.read(from));
    },
  };
}

/** The fields, one behind the other, in the order in which they are named here. */
export function record<T extends object>(fields: { [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const names = Object.keys(fields) as (keyof T)[];
  return {
    write(to, value) {
      for (const name of names) fields[name].write(to, value[name]);
    },
    read(from) {
      const value: Partial<T> = {};
      for (const name of names) value[name] = fields[name].read(from);
      return value as T;
    },
  };
}

/** Takes no bytes: the value is known. */
export function constant<T>(value: T): Codec<T> {
  return { write: () => {}, read: () => value };
}
