/** Numbers as bytes, against the examples of DWARF 5 and two's complement by hand. */

import { describe, expect, test } from "vitest";
import { Cursor } from "../base/cursor.ts";
import { MalformedError } from "../base/errors.ts";
import { ByteWriter, type Codec, list, MAX_ELEMENTS, oneOf, signed, text, unsigned, upTo } from "./codec.ts";

function encode<T>(codec: Codec<T>, value: T): number[] {
  const writer = new ByteWriter();
  codec.write(writer, value);
  return [...writer.result()];
}

function decode<T>(codec: Codec<T>, bytes: readonly number[]): T {
  return codec.read(new Cursor(Uint8Array.from(bytes), true, "leak.rec", "test"));
}

test.each([
  // DWARF 5, table 7.7 ("Examples of unsigned LEB128 encodings").
  [2, [0x02]],
  [127, [0x7f]],
  [128, [0x80, 0x01]],
  [129, [0x81, 0x01]],
  [12857, [0xb9, 0x64]],
  // 53 ones: seven groups of seven, and four.
  [Number.MAX_SAFE_INTEGER, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]],
])("%d is an unsigned LEB128", (value, bytes) => {
  expect(encode(unsigned, value)).toEqual(bytes);
  expect(decode(unsigned, bytes)).toBe(value);
});

test.each([
  [-1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  [-0x7f000000, [0x00, 0x00, 0x00, 0x81, 0xff, 0xff, 0xff, 0xff]], // where x86-64 kernels begin, 0xffffffff81000000
  [0x123456789a, [0x9a, 0x78, 0x56, 0x34, 0x12, 0, 0, 0]],
])("the virtual address %d is eight bytes of two's complement", (value, bytes) => {
  expect(encode(signed, value)).toEqual(bytes);
  expect(decode(signed, bytes)).toBe(value);
});

test("text is counted in bytes, and begins with what it begins with", () => {
  expect(encode(text, "ü")).toEqual([2, 0xc3, 0xbc]);
  expect(decode(text, [4, 0xef, 0xbb, 0xbf, 0x61])).toBe("\ufeffa"); // a byte order mark is a part of the name
  expect(decode(text, [3, 0x61, 0xff, 0x62])).toBe("a\ufffdb");
});

describe("refused are", () => {
  test.each<readonly [string, Codec<unknown>, readonly number[]]>([
    ["2^53", unsigned, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ["a number that never ends", unsigned, Array(20).fill(0x80)],
    ["a number that is cut off", unsigned, [0x80]],
    ["a number over its limit", upTo(5), [6]],
    ["text longer than what is left", text, [4, 0x61]],
    ["an index that has no name", oneOf("a", "b"), [2]],
    ["a list of more elements than bytes", list(unsigned), [4, 1, 2, 3]],
  ])("%s", (_what, codec, bytes) => {
    expect(() => decode(codec, bytes)).toThrow(MalformedError);
  });

  test("a list of more elements than a list may have, though the bytes are there", () => {
    const bytes = Array<number>(MAX_ELEMENTS + 100).fill(0);
    bytes.splice(0, 3, 0x81, 0x80, 0x40); // 2^20 + 1
    expect(() => decode(list(unsigned), bytes)).toThrow(/1048577, of 1048576 at most/);
  });
});
