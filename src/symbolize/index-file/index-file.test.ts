/** The format: what goes in comes out, and whatever is done to the bytes, nothing else does. */

import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteOutput } from "../../base/byte-output.ts";
import { memorySource } from "../../base/bytes.ts";
import { LeaklineError } from "../../base/errors.ts";
import { crc32 as slowCrc32 } from "../../compress/crc.ts";
import type { ModuleFrame } from "../frame.ts";
import { GROUP_ROWS } from "./header.ts";
import { IndexReader } from "./index-reader.ts";
import { IndexWriter } from "./index-writer.ts";

const KEY = new Uint8Array(32).fill(7);
const OTHER = new Uint8Array(32).fill(8);

const text = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom("f", "operator new(unsigned long)", "/a/b.c", ""));
const count = fc.integer({ min: 1, max: 2 ** 32 });
const placeFields = { file: text, line: count, column: count, lineSource: text };
const inlinedFrame = fc.record({ symbol: text, symbolSource: text, ...placeFields }, { requiredKeys: [] });
const lastFrame = fc.record(
  {
    ...placeFields,
    symbol: text,
    offset: fc.integer({ min: -5, max: 2 ** 40 }),
    size: count,
    aliases: fc.array(text, { maxLength: 3 }),
    symbolSource: text,
    reason: text,
  },
  { requiredKeys: [] },
);

/** The frames of an address, in the shape that Module gives. */
function framesOf(inlined: Partial<ModuleFrame>[], last: Partial<ModuleFrame>, address: number): ModuleFrame[] {
  const place = { moduleAddress: address, section: ".text" };
  return [...inlined.map((frame) => ({ ...frame, inlined: true, ...place })), { ...last, inlined: false, ...place }];
}

const answers = fc.uniqueArray(
  fc.record({
    // Far apart too, and below zero: kernels are there.
    address: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: -(2 ** 52), max: 2 ** 52 })),
    inlined: fc.array(inlinedFrame, { maxLength: 4 }),
    last: lastFrame,
  }),
  { selector: ({ address }) => address, maxLength: 40 },
);

function write(add: (writer: IndexWriter) => void, isWhole = false): Uint8Array {
  const writer = new IndexWriter();
  add(writer);
  return encode(writer, isWhole);
}

function encode(writer: IndexWriter, isWhole = false): Uint8Array {
  const file = new ByteFile();
  expect(writer.encode(KEY, isWhole, crc32, (bytes, at) => file.write(bytes, at))).toBe(true);
  return file.bytes;
}

/** Bytes that are written at any place. */
class ByteFile {
  bytes = new Uint8Array(0);

  write(bytes: Uint8Array, at: number): void {
    const { length } = this.bytes;
    if (at + bytes.length > length) {
      const larger = new Uint8Array(at + bytes.length);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes.set(bytes, at);
  }

  append(bytes: Uint8Array): void {
    this.write(bytes, this.bytes.length);
  }

  read(offset: number, target: Uint8Array): void {
    expect(offset + target.length).toBeLessThanOrEqual(this.bytes.length);
    target.set(this.bytes.subarray(offset, offset + target.length));
  }
}

function open(bytes: Uint8Array, key = KEY): IndexReader {
  return new IndexReader(memorySource("index", bytes), key, crc32);
}

test("names with control characters are not held: what comes from an index is printed as it is", () => {
  const [frame] = framesOf([], { symbol: "f", offset: 0, file: "/a.c", reason: "why", aliases: ["g"] }, 16);
  const add = (change: Partial<ModuleFrame>): boolean => new IndexWriter().add(16, 17, 16, [{ ...frame, ...change }]);
  expect(add({})).toBe(true);
  for (const bad of ["\u001b[2J", "a\u0000", "\u007f", "\u009b31m", "two\nlines", "\t"]) {
    for (const key of ["symbol", "file", "reason", "symbolSource", "lineSource"] as const)
      expect(add({ [key]: `x${bad}y` })).toBe(false);
    expect(add({ aliases: ["g", bad] })).toBe(false);
  }
});

test("every answer comes back as it was, and no other address has one", () => {
  fc.assert(
    fc.property(answers, (list) => {
      const bytes = write((writer) => {
        for (const { address, inlined, last } of list)
          expect(writer.add(address, address + 1, address, framesOf(inlined, last, address))).toBe(true);
      });
      const reader = open(bytes);
      const asked = new Set(list.map(({ address }) => address));
      for (const { address, inlined, last } of list) {
        expect(reader.find(address, address)).toStrictEqual(framesOf(inlined, last, address));
        for (const near of [address - 1, address + 1])
          if (!asked.has(near)) expect(reader.find(near, near)).toBe(undefined);
      }
    }),
    { numRuns: 500 },
  );
});

test("an index that is added to has the old answers and the new ones", () => {
  fc.assert(
    fc.property(answers, fc.nat(40), (list, old) => {
      const add = (writer: IndexWriter, part: typeof list): void => {
        for (const { address, inlined, last } of part)
          writer.add(address, address + 1, address, framesOf(inlined, last, address));
      };
      const first = open(write((writer) => add(writer, list.slice(0, old))));
      const both = open(
        write((writer) => {
          first.copyInto(writer);
          add(writer, list.slice(old));
        }),
      );
      for (const { address, inlined, last } of list)
        expect(both.find(address, address)).toStrictEqual(framesOf(inlined, last, address));
    }),
    { numRuns: 300 },
  );
});

test("a range has one answer, with offsets that count from where the function begins", () => {
  const frames: ModuleFrame[] = [{ inlined: false, moduleAddress: 0x1010, symbol: "f", offset: 0x10 }];
  const reader = open(write((writer) => writer.add(0x1010, 0x1020, 0x1010, frames), true));
  expect(reader.isWhole).toBe(true);
  expect(reader.find(0x101f, 0x101f)).toEqual([{ inlined: false, moduleAddress: 0x101f, symbol: "f", offset: 0x1f }]);
  // A return address: the byte before is looked up.
  expect(reader.find(0x101f, 0x1020)).toEqual([{ inlined: false, moduleAddress: 0x1020, symbol: "f", offset: 0x20 }]);
  expect([0x100f, 0x1020].map((address) => reader.find(address, address))).toEqual([undefined, undefined]);
});

test("many rows, over many groups and pages", () => {
  const frames = (i: number): ModuleFrame[] => [{ inlined: false, moduleAddress: 2 * i, symbol: `f${i}`, line: i + 1 }];
  const many = 5 * GROUP_ROWS;
  const reader = open(
    write((writer) => {
      for (let i = 0; i < many; i++) writer.add(2 * i, 2 * i + 1, 2 * i, frames(i));
    }),
  );
  for (let i = 0; i < many; i++) {
    expect(reader.find(2 * i, 2 * i)).toEqual(frames(i));
    expect(reader.find(2 * i + 1, 2 * i + 1)).toBeUndefined();
  }
});

test("what it cannot give back as it is, it does not take", () => {
  const last: ModuleFrame = { inlined: false, moduleAddress: 1 };
  const refused: ModuleFrame[][] = [
    [],
    [{ ...last, line: 0 }],
    [{ ...last, line: 1.5 }],
    [{ ...last, offset: -Number.MAX_SAFE_INTEGER }],
    [{ ...last, symbol: "\ud800" }],
    [{ ...last, symbol: "x".repeat(1 << 20) }],
    [{ ...last, inlined: true }],
    [{ inlined: true, moduleAddress: 2 }, last],
    [{ inlined: true, moduleAddress: 1, reason: "why" }, last],
    [{ ...last, later: "a field that the format does not have" } as ModuleFrame],
  ];
  const writer = new IndexWriter();
  for (const frames of refused) expect(writer.add(1, 2, 1, frames)).toBe(false);
});

test("what is too much for memory is the same file, with every string in it once", () => {
  const COUNT = 40_000;
  const frames = (i: number): ModuleFrame[] => [
    // 20,000 names of 120 bytes, each used twice, far apart.
    { inlined: false, moduleAddress: i, symbol: `${i % 20_000} `.padEnd(120, "x"), offset: 0, line: 1 + (i % 7) },
  ];
  const fill = (writer: IndexWriter): Uint8Array => {
    for (let i = 0; i < COUNT; i++) expect(writer.add(i, i + 1, i, frames(i))).toBe(true);
    return encode(writer, true);
  };
  const files: ByteFile[] = [];
  const bytes = fill(
    new IndexWriter(() => {
      files.push(new ByteFile());
      return files[files.length - 1];
    }),
  );
  expect(Buffer.from(bytes).equals(fill(new IndexWriter()))).toBe(true);
  // One byte for its length, 120 for the string itself; the empty one stands at 0.
  expect(Math.max(...files.map((file) => file.bytes.length))).toBeGreaterThan(1 << 20);
  expect(new DataView(bytes.buffer).getFloat64(48 + 4 * 16 + 8, true)).toBe(1 + 20_000 * 121);
  const reader = open(bytes);
  for (const at of [0, 1, 19_999, 20_000, 39_999]) expect(reader.find(at, at)).toEqual(frames(at));
});

test("its checksum is CRC-32 as in zlib and in our own", () => {
  const bytes = new TextEncoder().encode("123456789");
  // The check value of the CRC catalogue.
  expect([crc32(bytes), slowCrc32(bytes)]).toEqual([0xcbf43926, 0xcbf43926]);
});

describe("damage", () => {
  const frames = (i: number): ModuleFrame[] => [
    { inlined: true, moduleAddress: i, symbol: `inner ${i % 50}`, file: "/a.c", line: i + 1 },
    { inlined: false, moduleAddress: i, symbol: `outer ${i % 9}`, offset: i, aliases: ["a", "b"], line: 3 },
  ];
  const COUNT = 1500;
  const sound = write((writer) => {
    for (let i = 0; i < COUNT; i++) writer.add(i, i + 1, i, frames(i));
  });
  const lookUp = (bytes: Uint8Array, checksum: typeof crc32 = crc32): (ModuleFrame[] | undefined)[] => {
    const reader = new IndexReader(memorySource("index", bytes), KEY, checksum);
    return Array.from({ length: COUNT + 1 }, (_, i) => reader.find(i, i));
  };

  test("of other files, or of another version, is refused", () => {
    expect(lookUp(sound)[COUNT - 1]).toEqual(frames(COUNT - 1));
    expect(() => open(sound, OTHER)).toThrow("of other files");
    const newer = sound.slice();
    newer[4]++;
    expect(() => open(newer)).toThrow("of another version");
  });

  test("is loaded as a whole for as many addresses as it has pages, of 16 KiB, and not for fewer", () => {
    const pages = Math.ceil(sound.length / 16_384);
    expect(pages).toBeGreaterThan(1);
    expect(open(sound).load(pages - 1)).toBe(false);
    expect(open(sound).load(pages)).toBe(true);
  });

  test("cut off anywhere, it is refused", () => {
    for (let length = 0; length < sound.length; length += 13)
      expect(() => lookUp(sound.subarray(0, length))).toThrow(LeaklineError);
  });

  /** Every answer, page by page or with all pages loaded first, as frames or as text. */
  const ways: ((reader: IndexReader, at: number) => unknown)[] = [
    (reader, at) => reader.find(at, at),
    (reader, at) => {
      expect(reader.load(COUNT)).toBe(true);
      return reader.find(at, at);
    },
    (reader, at) => {
      const node = reader.locate(at);
      return node === 0 ? undefined : textOf(reader, node);
    },
  ];

  function textOf(reader: IndexReader, node: number): string {
    let text = "";
    const out = new ByteOutput((bytes) => {
      text += Buffer.from(bytes).toString("latin1");
      return true;
    });
    const chain = reader.chain(node);
    const { start, base, reason } = chain.function();
    out.text(`${start} ${base} ${reason}`);
    for (let i = 0; i < chain.depth; i++) {
      chain.writeSymbol(i, out);
      chain.writeFile(i, out);
      out.text(`${chain.lines[i]}:${chain.columns[i]}`);
    }
    out.flush();
    return text;
  }

  test("with any one of its bits flipped, a small index is refused before it says anything wrong", () => {
    const addresses = [0, 1, 2, 3, 4, 5, 6];
    const small = write((writer) => {
      for (const at of [1, 3, 4, 5]) writer.add(at, at + 1, at, frames(at));
    }, true);
    for (const way of ways) {
      const right = addresses.map((at) => way(open(small), at));
      expect(right.filter((answer) => answer !== undefined)).toHaveLength(4);
      for (let bit = 0; bit < 8 * small.length; bit++) {
        const flipped = small.slice();
        flipped[bit >> 3] ^= 1 << (bit & 7);
        let refusals = 0;
        for (const [i, at] of addresses.entries()) {
          try {
            expect(way(open(flipped), at)).toEqual(right[i]);
          } catch (error) {
            if (!(error instanceof LeaklineError)) throw error;
            refusals++;
          }
        }
        // Those that lie before all rows need no page.
        expect(refusals).toBeGreaterThan(0);
      }
    }
  });

  test("a bit flipped in any page, or in the table of their checksums, is found in whatever way it is read", () => {
    const ROWS = 5000;
    const large = write((writer) => {
      for (let i = 0; i < ROWS; i++) writer.add(i, i + 1, i, frames(i));
    });
    const pages = Math.floor(large.length / 16384);
    expect(pages).toBeGreaterThan(4);
    const everyWay = (bytes: Uint8Array, way: (typeof ways)[number]): unknown[] => {
      const reader = open(bytes);
      return Array.from({ length: ROWS + 1 }, (_, at) => way(reader, at));
    };
    const places = [...Array.from({ length: pages }, (_, page) => 16384 * page + 200), large.length - 1];
    for (const way of ways) {
      expect(everyWay(large, way).filter((answer) => answer !== undefined)).toHaveLength(ROWS);
      for (const at of places) {
        const flipped = large.slice();
        flipped[at] ^= 1 << (at % 7);
        expect(() => everyWay(flipped, way)).toThrow(LeaklineError);
      }
    }
  });

  test("changed by one who computes the checksums anew, it ends in an error or in frames, and soon", () => {
    const change = fc.record({
      at: fc.nat(sound.length - 1),
      value: fc.oneof(fc.constantFrom(0, 0x7f, 0x80, 0xff), fc.nat(255)),
      count: fc.constantFrom(1, 1, 2, 8, 64),
    });
    let answered = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const changed = sound.slice();
        for (const { at, value, count } of changes) changed.fill(value, at, at + count);
        try {
          // Every checksum is taken to be right: 0 is what all of them are, as far as the reader knows.
          const agree = (): number => 0;
          for (const found of lookUp(zeroed(changed), agree)) {
            if (!found) continue;
            expect(found.at(-1)?.inlined).toBe(false);
            expect(found.length).toBeLessThanOrEqual(1 << 12);
          }
          answered++;
        } catch (error) {
          if (!(error instanceof LeaklineError)) throw error;
          refused++;
        }
      }),
      { numRuns: 400 },
    );
    expect(answered).toBeGreaterThan(10);
    expect(refused).toBeGreaterThan(10);
  });

  /** With all checksums 0: where they stand is in docs/index-format.md. */
  function zeroed(bytes: Uint8Array): Uint8Array {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const pagesEnd = view.getFloat64(128, true);
    view.setUint32(12, 0, true);
    view.setUint32(156, 0, true);
    if (pagesEnd >= 160 && pagesEnd <= bytes.length) bytes.fill(0, pagesEnd);
    return bytes;
  }
});
