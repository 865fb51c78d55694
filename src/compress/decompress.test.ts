import { readFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { needTools, pipe } from "../../test/support/oracle.ts";
import { LeaklineError } from "../base/errors.ts";
import { crc64 } from "./crc.ts";
import { crc32, decompress } from "./index.ts";

const TEXT = readFileSync(new URL("decompress.ts", import.meta.url));

test("zlib data comes back", () => {
  expect(Buffer.compare(decompress("zlib", deflateSync(TEXT), TEXT.length), TEXT)).toBe(0);
  expect(decompress("zlib", deflateSync(new Uint8Array(0)), 0).length).toBe(0);
});

test("a size that is not the real one is refused", () => {
  for (const size of [0, 1, TEXT.length - 1, TEXT.length + 1, 2 * TEXT.length])
    expect(() => decompress("zlib", deflateSync(TEXT), size), `${size}`).toThrow(LeaklineError);
});

test("zlib data that is cut off or damaged is refused", () => {
  const compressed = deflateSync(TEXT);
  for (let length = 0; length < compressed.length; length++)
    expect(() => decompress("zlib", compressed.subarray(0, length), TEXT.length)).toThrow(LeaklineError);
  compressed[compressed.length - 1] ^= 1;
  expect(() => decompress("zlib", compressed, TEXT.length)).toThrow(LeaklineError);
});

test("zstd data comes back, whatever the version of Node", (context) => {
  needTools(context, "zstd");
  const compressed = pipe(TEXT, "zstd", "-cq");
  expect(Buffer.compare(decompress("zstd", compressed, TEXT.length), TEXT)).toBe(0);
  expect(() => decompress("zstd", compressed, TEXT.length - 1)).toThrow(LeaklineError);
});

test("the check values of the two CRCs", () => {
  // The CRC of "123456789", as the CRC catalogue lists it for CRC-32/ISO-HDLC and CRC-64/XZ.
  const digits = new TextEncoder().encode("123456789");
  expect(crc32(digits)).toBe(0xcbf43926);
  expect(crc32(digits.subarray(4), crc32(digits.subarray(0, 4)))).toBe(0xcbf43926);
  expect(crc64(digits)).toEqual({ high: 0x995dc9bb, low: 0xdf1939fa });
});
