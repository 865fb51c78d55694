/**
 * Debug information written byte by byte, for what no compiler writes.
 */

import { type ByteSource, memorySource } from "../../src/base/bytes.ts";
import type { DwarfInput } from "../../src/dwarf/index.ts";

/** Appends values in either byte order. */
export class Bytes {
  readonly littleEndian: boolean;
  private readonly bytes: number[] = [];

  constructor(littleEndian = true) {
    this.littleEndian = littleEndian;
  }

  get length(): number {
    return this.bytes.length;
  }

  u8(...values: number[]): this {
    for (const value of values) this.bytes.push(value & 0xff);
    return this;
  }

  u16(value: number): this {
    return this.sized(value, 2);
  }

  u32(value: number): this {
    return this.sized(value, 4);
  }

  u64(value: number | bigint): this {
    return this.sized(value, 8);
  }

  sized(value: number | bigint, size: number): this {
    const big = BigInt.asUintN(size * 8, BigInt(value));
    for (let i = 0; i < size; i++) {
      const shift = this.littleEndian ? i : size - 1 - i;
      this.bytes.push(Number((big >> BigInt(8 * shift)) & 0xffn));
    }
    return this;
  }

  uleb(...values: number[]): this {
    for (let value of values) {
      while (value >= 0x80) {
        this.bytes.push((value % 0x80) | 0x80);
        value = Math.floor(value / 0x80);
      }
      this.bytes.push(value);
    }
    return this;
  }

  sleb(value: number): this {
    for (;;) {
      const byte = value & 0x7f;
      value >>= 7;
      const done = (value === 0 && !(byte & 0x40)) || (value === -1 && byte & 0x40);
      this.bytes.push(done ? byte : byte | 0x80);
      if (done) return this;
    }
  }

  text(value: string): this {
    return this.u8(...new TextEncoder().encode(value), 0);
  }

  add(other: Bytes): this {
    for (const byte of other.bytes) this.bytes.push(byte);
    return this;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.bytes);
  }
}

/** A unit of version 4 with addresses of `addressSize` bytes: its header and these DIEs. */
export function unit(dies: Bytes, addressSize = 8, abbreviationOffset = 0): Bytes {
  const body = new Bytes(dies.littleEndian).u16(4).u32(abbreviationOffset).u8(addressSize).add(dies);
  return new Bytes(dies.littleEndian).u32(body.length).add(body);
}

/** The size of the header that `unit` writes: offsets of DIEs count from before it. */
export const UNIT_HEADER = 11;

/** Declarations: `[code, tag, hasChildren, [attribute, form, ...]]`. */
export function abbreviations(...declarations: [number, number, boolean, number[]][]): Bytes {
  const bytes = new Bytes();
  for (const [code, tag, children, attributes] of declarations)
    bytes
      .uleb(code, tag)
      .u8(children ? 1 : 0)
      .uleb(...attributes, 0, 0);
  return bytes.u8(0);
}

/** A line program of version 4 without files or with these, whose opcodes are given. Its opcode base is 13. */
export function lineProgram(opcodes: Bytes, files: string[] = ["a.c"], header: Partial<LineParameters> = {}): Bytes {
  const { version = 4, minInstLength = 1, maxOps = 1, lineBase = -5, lineRange = 14, opcodeBase = 13 } = header;
  const { littleEndian } = opcodes;
  const lengths = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1].slice(0, opcodeBase - 1);
  const rest = new Bytes(littleEndian).u8(minInstLength);
  if (version >= 4) rest.u8(maxOps);
  rest.u8(1, lineBase, lineRange, opcodeBase, ...lengths).u8(0);
  for (const file of files) rest.text(file).uleb(0, 0, 0);
  rest.u8(0);
  const body = new Bytes(littleEndian).u16(version).u32(rest.length).add(rest).add(opcodes);
  return new Bytes(littleEndian).u32(body.length).add(body);
}

export type LineParameters = {
  version: number;
  minInstLength: number;
  maxOps: number;
  lineBase: number;
  lineRange: number;
  opcodeBase: number;
};

/** DW_LNE_set_address. */
export function setAddress(bytes: Bytes, address: number | bigint, size = 8): Bytes {
  return bytes.u8(0, size + 1, 2).sized(address, size);
}

/** DW_LNE_end_sequence. */
export function endSequence(bytes: Bytes): Bytes {
  return bytes.u8(0, 1, 1);
}

/** An input of sections by name. */
export function inputOf(sections: Record<string, Bytes | Uint8Array>, littleEndian = true): DwarfInput {
  const sources = new Map<string, ByteSource>();
  for (const [name, bytes] of Object.entries(sections))
    sources.set(name, memorySource(`test ${name}`, bytes instanceof Bytes ? bytes.done() : bytes));
  return { name: "test", littleEndian, section: (name) => sources.get(name) };
}
