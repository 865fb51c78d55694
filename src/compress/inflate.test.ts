import { readFileSync } from "node:fs";
import { constants, deflateSync, gzipSync, inflateRawSync, inflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { needTools, pipe } from "../../test/support/oracle.ts";
import { LeaklineError } from "../base/errors.ts";
import { crc32 } from "./crc.ts";
import { inflateGzip, inflateZlib } from "./inflate.ts";

const TEXT = readFileSync(new URL("inflate.ts", import.meta.url));

/** Bytes that nothing can compress: a linear congruential generator (Numerical Recipes). */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** Every symbol twice as rare as the one before: the longest codes that deflate has. */
function skewed(): Uint8Array {
  const bytes: number[] = [];
  for (let symbol = 0; symbol < 18; symbol++) for (let i = 0; i < 1 << (17 - symbol); i++) bytes.push(symbol);
  return Uint8Array.from(noise(bytes.length), (_, i) => bytes[(i * 7919) % bytes.length]);
}

const SAMPLES: Record<string, Uint8Array> = {
  nothing: new Uint8Array(0),
  "one byte": Uint8Array.of(7),
  zeros: new Uint8Array(300_000),
  noise: noise(200_000),
  text: TEXT,
  "rare symbols": skewed(),
  numbers: new Uint8Array(Uint32Array.from({ length: 100_000 }, (_, i) => i * i).buffer),
  "a program": readFileSync(process.execPath).subarray(0, 8 << 20),
};

const OPTIONS = [
  { level: 0 },
  { level: 1 },
  { level: 9 },
  { level: 6, windowBits: 9 },
  { level: 6, memLevel: 1 },
  { level: 6, strategy: constants.Z_FIXED },
  { level: 6, strategy: constants.Z_HUFFMAN_ONLY },
  { level: 6, strategy: constants.Z_RLE },
];

describe.each(Object.entries(SAMPLES))("%s, compressed by zlib", (_name, sample) => {
  test.for(OPTIONS)("with %j, comes back", (options) => {
    expect(Buffer.compare(inflateZlib(deflateSync(sample, options), sample.length), sample)).toBe(0);
    expect(Buffer.compare(inflateGzip(gzipSync(sample, options), sample.length), sample)).toBe(0);
  });
});

test("gzip files with a name, and one behind the other, are read", (context) => {
  needTools(context, "gzip");
  const named = pipe(new Uint8Array(0), "gzip", "-c", new URL("inflate.ts", import.meta.url).pathname);
  const file = Buffer.concat([named, gzipSync(TEXT)]);
  expect(Buffer.compare(inflateGzip(file, 2 * TEXT.length), Buffer.concat([TEXT, TEXT]))).toBe(0);
});

test("another size is refused", () => {
  for (const size of [0, 1, TEXT.length - 1, TEXT.length + 1]) {
    expect(() => inflateZlib(deflateSync(TEXT), size), `${size}`).toThrow(LeaklineError);
    expect(() => inflateGzip(gzipSync(TEXT), size), `${size}`).toThrow(LeaklineError);
  }
});

test("data that is cut off is refused", () => {
  for (const options of OPTIONS) {
    const compressed = deflateSync(TEXT, options);
    for (let length = 0; length < compressed.length; length += 7)
      expect(() => inflateZlib(compressed.subarray(0, length), TEXT.length), `${length}`).toThrow(LeaklineError);
  }
});

/** What a decoder makes of it: the bytes, or nothing when it refuses. */
function outcome(decode: () => Uint8Array): Buffer | undefined {
  try {
    return Buffer.from(decode());
  } catch {
    return undefined;
  }
}

test("any damage is refused, exactly where zlib refuses it", () => {
  for (const options of OPTIONS) {
    const compressed = deflateSync(TEXT.subarray(0, 3000), options);
    for (let at = 0; at < compressed.length; at++) {
      const damaged = compressed.slice();
      damaged[at] ^= 1 << (at % 8);
      const ours = outcome(() => inflateZlib(damaged, 3000));
      const theirs = outcome(() => inflateSync(damaged));
      expect(ours, `${JSON.stringify(options)} ${at}`).toEqual(theirs?.length === 3000 ? theirs : undefined);
    }
  }
});

const GZIP_HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0);

/** How zlib inflates these bytes and how many of them it takes; undefined when it refuses them. */
function inflateRaw(bytes: Uint8Array): { output: Buffer; length: number } | undefined {
  try {
    const result: unknown = inflateRawSync(bytes, { info: true });
    const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } };
    return { output: buffer, length: engine.bytesWritten };
  } catch {
    return undefined;
  }
}

test("whatever the bytes, it ends, and says what zlib says", () => {
  const first = fc.constantFrom(3, 5, 0x4b, 0x63); // a last block, of fixed or own codes, or something not far from it
  fc.assert(
    fc.property(first, fc.uint8Array({ maxLength: 100 }), (start, rest) => {
      const bytes = Uint8Array.of(start, ...rest);
      const theirs = inflateRaw(bytes);
      if (!theirs) {
        // Not for want of a checksum.
        expect(() => inflateGzip(Buffer.concat([GZIP_HEADER, bytes]), 1 << 16)).toThrow(
          /^(?!.*wrong (checksum|length))/,
        );
        return;
      }
      const trailer = new Uint8Array(Uint32Array.of(crc32(theirs.output), theirs.output.length).buffer);
      const file = Buffer.concat([GZIP_HEADER, bytes.subarray(0, theirs.length), trailer]);
      expect(Buffer.compare(inflateGzip(file, theirs.output.length), theirs.output)).toBe(0);
    }),
    { numRuns: 3000 },
  );
});

test("errors say what was wrong", () => {
  expect(() => inflateZlib(new Uint8Array(10), 5)).toThrow(/not a zlib stream/);
  const broken = deflateSync(TEXT);
  broken[broken.length - 1] ^= 1;
  expect(() => inflateZlib(broken, TEXT.length)).toThrow(/checksum/);
  // RFC 1951 §3.2.3: the first block's type 3 is reserved. RFC 1950 §2.2: 0x78 0x9c begins every stream.
  expect(() => inflateZlib(Uint8Array.of(0x78, 0x9c, 7), 5)).toThrow(/unknown type/);
});
