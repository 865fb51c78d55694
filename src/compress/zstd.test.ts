import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { needTools, pipe } from "../../test/support/oracle.ts";
import { LeaklineError } from "../base/errors.ts";
import { xxh64Low } from "./xxh64.ts";
import { decodeZstd, zstdSize } from "./zstd.ts";

const TEXT = readFileSync(new URL("zstd-block.ts", import.meta.url));

/** Bytes that nothing can compress: a linear congruential generator (Numerical Recipes). */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

const SAMPLES: Record<string, Uint8Array> = {
  nothing: new Uint8Array(0),
  "one byte": Uint8Array.of(7),
  zeros: new Uint8Array(300_000),
  noise: noise(200_000),
  text: TEXT,
  numbers: new Uint8Array(Uint32Array.from({ length: 100_000 }, (_, i) => i * i).buffer),
  "a program": readFileSync(process.execPath).subarray(0, 8 << 20),
};

describe.each(Object.entries(SAMPLES))("%s, compressed by zstd", (_name, sample) => {
  test.for([
    ["at a fast level", "--fast=5"],
    ["at the usual level", "-3"],
    ["at a high level", "-19"],
    ["without a checksum", "--no-check"],
    ["with a small window", "--zstd=wlog=10"],
    ["with a large window", "--long=24"],
  ])("%s, comes back", ([_how, option], context) => {
    needTools(context, "zstd");
    const compressed = pipe(sample, "zstd", "-cq", option);
    expect(Buffer.compare(decodeZstd(compressed, sample.length), sample)).toBe(0);
  });
});

test("the size is the one that zstd was told, and unknown when it read from a pipe", (context) => {
  needTools(context, "zstd");
  for (const size of [1, 255, 256, 65_791, 65_792, 300_000])
    expect(zstdSize(pipe(new Uint8Array(size), "zstd", "-cq", `--stream-size=${size}`))).toBe(size);
  expect(zstdSize(pipe(new Uint8Array(1000), "zstd", "-cq"))).toBeUndefined();
});

test("frames one behind the other, and what is to be skipped between them, are one file", (context) => {
  needTools(context, "zstd");
  const one = pipe(TEXT, "zstd", "-cq");
  // RFC 8878 §3.1.2: magic 0x184D2A5?, the size, the bytes.
  const skipped = Uint8Array.of(0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
  const file = Buffer.concat([one, skipped, one]);
  expect(Buffer.compare(decodeZstd(file, 2 * TEXT.length), Buffer.concat([TEXT, TEXT]))).toBe(0);
});

test("data that is cut off, or damaged in any byte, is refused", (context) => {
  needTools(context, "zstd");
  const compressed = pipe(TEXT, "zstd", "-cq", `--stream-size=${TEXT.length}`);
  for (let length = 0; length < compressed.length; length++)
    expect(() => decodeZstd(compressed.subarray(0, length), TEXT.length), `${length}`).toThrow(LeaklineError);
  for (let at = 0; at < compressed.length; at++) {
    const damaged = compressed.slice();
    damaged[at] ^= 1 << (at % 8);
    // The window's size, which follows the descriptor, may be another without harm.
    if (at !== 5) expect(() => decodeZstd(damaged, TEXT.length), `${at}`).toThrow(LeaklineError);
  }
});

test("another size is refused", (context) => {
  needTools(context, "zstd");
  const compressed = pipe(TEXT, "zstd", "-cq");
  for (const size of [0, 1, TEXT.length - 1, TEXT.length + 1])
    expect(() => decodeZstd(compressed, size), `${size}`).toThrow(LeaklineError);
});

test("a small block with a huge number of long repetitions ends at the size that was agreed on", () => {
  // RFC 8878 §3.1.1.3: one raw literal, 98,047 sequences whose tables are single symbols: match code 52 is 65,539 bytes.
  const block = [8, 97, 255, 0xff, 0xff, 0x54, 0, 0, 52, 0x01];
  const header = (block.length << 3) | (2 << 1) | 1;
  const frame = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 2, 0, header, 0, 0, ...block];
  expect(() => decodeZstd(Uint8Array.from(frame), 131_072)).toThrow(LeaklineError);
});

test("random damage never gives anything but our own error", (context) => {
  needTools(context, "zstd");
  const compressed = pipe(TEXT.subarray(0, 4000), "zstd", "-cq", "--no-check");
  const seed = Date.now() & 0x7fffffff;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(compressed.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      (edits) => {
        const damaged = compressed.slice();
        for (const [at, byte] of edits) damaged[at] = byte;
        try {
          expect(decodeZstd(damaged, 4000).length).toBe(4000);
        } catch (error) {
          if (!(error instanceof LeaklineError)) throw error;
        }
      },
    ),
    { numRuns: 5000, seed },
  );
});

test("the hash is the one that the xxhsum command prints", (context) => {
  needTools(context, "xxhsum");
  for (const length of [0, 1, 3, 4, 7, 8, 31, 32, 33, 63, 64, 100, 5000]) {
    const bytes = noise(length);
    const printed = new TextDecoder().decode(pipe(bytes, "xxhsum", "-H64"));
    expect(xxh64Low(bytes), `${length}`).toBe(Number.parseInt(printed.slice(8, 16), 16));
  }
});
