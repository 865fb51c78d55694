import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { needTools, pipe } from "../../test/support/oracle.ts";
import { LeaklineError } from "../base/errors.ts";
import { decodeXz, decompress, xzSize } from "./index.ts";

const BIG = 1 << 30;
const REAL = "/bin/bash";
/** Bytes that do not compress: a linear congruential generator (Numerical Recipes), so that each run has the same. */
const NOISE = new Uint8Array(200_000);
for (let i = 0, state = 1; i < NOISE.length; i++) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  NOISE[i] = state >>> 24;
}

describe("what xz compresses comes back", () => {
  const options = [
    ["-0"],
    ["-6"],
    ["-9e"],
    ["--check=none"],
    ["--check=crc32"],
    ["--check=crc64"],
    ["--block-size=100000"],
    ["-T2", "--block-size=200000"],
    ["--lzma2=preset=6,lc=0,lp=0,pb=0"],
    ["--lzma2=preset=6,lc=4,lp=0,pb=4"],
    ["--lzma2=preset=6,lc=0,lp=4,pb=0"],
    ["--lzma2=preset=6,lc=1,lp=3,pb=2,dict=4096"],
  ];
  test.for(options)("%s", (arguments_, context) => {
    needTools(context, "xz", REAL);
    const original = readFileSync(REAL).subarray(0, 500_000);
    const compressed = pipe(original, "xz", "-c", ...arguments_);
    expect(xzSize(compressed)).toBe(original.length);
    expect(Buffer.compare(decodeXz(compressed, original.length), original)).toBe(0);
    expect(Buffer.compare(decompress("xz", compressed, original.length), original)).toBe(0);
  });

  test.for([
    ["nothing", new Uint8Array(0)],
    ["one byte", Uint8Array.of(7)],
    ["noise, which is stored", NOISE],
    ["noise between repetitions", Buffer.concat([Buffer.alloc(70_000, "ab"), NOISE, Buffer.alloc(3_000_000), NOISE])],
  ] as const)("%s", ([, original], context) => {
    needTools(context, "xz");
    expect(Buffer.compare(decodeXz(pipe(original, "xz", "-c"), BIG), original)).toBe(0);
  });

  test("anything", (context) => {
    needTools(context, "xz");
    const piece = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 300 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), fc.constantFrom("-0", "-3", "-6e"), (pieces, preset) => {
        const original = Buffer.concat(pieces.flatMap(([bytes, times]) => Array(times).fill(bytes)));
        expect(Buffer.compare(decodeXz(pipe(original, "xz", "-c", preset), BIG), original)).toBe(0);
      }),
      { numRuns: 60, verbose: true },
    );
  });
});

describe("what is not handled is named", () => {
  test.for([
    ["--x86", "--lzma2", /filter/],
    ["--delta", "--lzma2", /filter/],
    ["--check=sha256", "-6", /flags/],
  ] as const)("%s", ([first, second, message], context) => {
    needTools(context, "xz");
    const compressed = pipe(NOISE, "xz", "-c", first, second);
    expect(() => decodeXz(compressed, BIG)).toThrow(message);
  });

  test("two streams, one after the other", (context) => {
    needTools(context, "xz");
    const one = pipe(NOISE, "xz", "-c");
    expect(() => decodeXz(Buffer.concat([one, one]), BIG)).toThrow(/streams/);
  });
});

describe("damage", () => {
  const text = Buffer.from(readFileSync(new URL("xz.ts", import.meta.url)).subarray(0, 2000));

  test("a file cut off anywhere", (context) => {
    needTools(context, "xz");
    const compressed = pipe(text, "xz", "-c");
    for (let length = 0; length < compressed.length; length++)
      expect(() => decodeXz(compressed.subarray(0, length), BIG), `${length}`).toThrow(LeaklineError);
  });

  test("no changed bit goes unnoticed", (context) => {
    needTools(context, "xz");
    const compressed = Buffer.from(pipe(text, "xz", "-c"));
    for (let bit = 0; bit < compressed.length * 8; bit++) {
      compressed[bit >> 3] ^= 1 << (bit & 7);
      expect(() => decodeXz(compressed, 1 << 20), `bit ${bit}`).toThrow(LeaklineError);
      compressed[bit >> 3] ^= 1 << (bit & 7);
    }
  });

  test("random damage behind correct checksums of the container only throws LeaklineErrors", (context) => {
    needTools(context, "xz");
    const compressed = pipe(text, "xz", "-c", "--check=none");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 24, max: compressed.length - 1 }), fc.nat(255)), {
          minLength: 1,
          maxLength: 20,
        }),
        (changes) => {
          const bytes = Uint8Array.from(compressed);
          for (const [at, value] of changes) bytes[at] = value;
          try {
            expect(decodeXz(bytes, 1 << 20).length).toBe(text.length);
          } catch (error) {
            expect(error).toBeInstanceOf(LeaklineError);
          }
        },
      ),
      { numRuns: 3000, verbose: true },
    );
  });

  test("more bytes than allowed are not made", (context) => {
    needTools(context, "xz");
    const bomb = pipe(Buffer.alloc(100_000_000), "xz", "-c");
    expect(bomb.length).toBeLessThan(100_000);
    expect(() => decodeXz(bomb, 99_999_999)).toThrow(/at most/);
  });
});
