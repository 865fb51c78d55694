import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memorySource } from "../base/bytes.ts";
import { latestRanges } from "./latest-ranges.ts";
import { MAX_PERF_MAP, PerfMap } from "./perf-map.ts";

function perfMap(text: string): PerfMap {
  return new PerfMap(memorySource("/tmp/perf-1.map", new TextEncoder().encode(text)));
}

describe("PerfMap", () => {
  test("finds the code that contains an address; names may hold blanks", () => {
    const map = perfMap("7f0010 20 JS:*hot loop /a b.js:1:2\n7f0040 10 stub\n");
    expect(map.find(0x7f000f)).toBeUndefined();
    expect(map.find(0x7f0010)).toEqual({ start: 0x7f0010, size: 0x20, name: "JS:*hot loop /a b.js:1:2" });
    expect(map.find(0x7f002f)?.start).toBe(0x7f0010);
    expect(map.find(0x7f0030)).toBeUndefined();
    expect(map.find(0x7f0040)?.name).toBe("stub");
    expect(map.find(0x7f0050)).toBeUndefined();
  });

  test("reads numbers with 0x, in capitals, and lines that end like those of Windows", () => {
    const map = perfMap("0x1000 0X10 one\nABC000 1F two\r\n");
    expect(map.find(0x100f)?.name).toBe("one");
    expect(map.find(0xabc01e)?.name).toBe("two");
    expect(map.damagedLines).toBe(0);
  });

  test("is empty for an empty file", () => {
    expect(perfMap("").find(0)).toBeUndefined();
  });

  test.each([
    "no number at all",
    "1000",
    "1000 ",
    "1000 10",
    "1000 10 ",
    " 1000 10 name",
    "1000  10 name",
    "1000 0 name",
    "1000 -1 name",
    "10g0 10 name",
    "0x 10 name",
    "ffffffffffffffff 1 beyond exact numbers",
    "11111111111111111 1 more than 64 bits",
    "\0\0\0\0",
  ])("passes over and counts the line %j", (line) => {
    const map = perfMap(`2000 10 before\n${line}\n3000 10 behind\n`);
    expect(map.damagedLines).toBe(1);
    expect([map.find(0x2000)?.name, map.find(0x3000)?.name]).toEqual(["before", "behind"]);
    for (const address of [0, 0x1000, 0x100f, 0xffff]) expect(map.find(address)).toBeUndefined();
  });

  test("leaves out a line that is still being written", () => {
    const map = perfMap("1000 10 whole\n2000 10 hal");
    expect([map.find(0x1000)?.name, map.find(0x2000), map.damagedLines]).toEqual(["whole", undefined, 0]);
  });

  test("reads files of many pieces, also when a line is longer than a piece", () => {
    const long = "x".repeat(3 << 20);
    const lines = Array.from(
      { length: 60_000 },
      (_, i) => `${(0x10000 + i * 16).toString(16)} 10 function number ${i}\n`,
    );
    const map = perfMap(`${lines.join("")}9000 10 ${long}\n8000 10 last\n`);
    for (const i of [0, 1, 29_999, 59_999]) expect(map.find(0x10000 + i * 16 + 15)?.name).toBe(`function number ${i}`);
    expect(map.find(0x8000)?.name).toBe("last");
  });

  test("refuses a file that is too large without reading it", () => {
    const source = {
      name: "/tmp/perf-1.map",
      size: MAX_PERF_MAP + 1,
      read: () => {
        throw new Error("read");
      },
    };
    expect(() => new PerfMap(source)).toThrow(expect.objectContaining({ code: "limit" }));
  });

  test("of lines that overlap, the last one in the file holds", () => {
    const map = perfMap("1000 100 old\n1040 10 inside\n1000 20 again\n");
    expect([0x1000, 0x101f, 0x1020, 0x103f, 0x1040, 0x104f, 0x1050, 0x10ff].map((at) => map.find(at)?.name)).toEqual([
      "again",
      "again",
      "old",
      "old",
      "inside",
      "inside",
      "old",
      "old",
    ]);
  });
});

test("latestRanges agrees with looking at every range, and has at most two pieces a range", () => {
  const ranges = fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 15 })), { maxLength: 30 });
  fc.assert(
    fc.property(ranges, (pairs) => {
      const starts = Float64Array.from(pairs, ([start]) => start);
      const ends = Float64Array.from(pairs, ([start, size]) => start + size);
      const { begins, owners } = latestRanges(starts, ends);
      expect(begins.length).toBeLessThanOrEqual(2 * pairs.length);
      for (let address = 0; address < 60; address++) {
        const piece = begins.findLastIndex((begin) => begin <= address);
        const owner = piece < 0 || address >= ends[owners[piece]] ? -1 : owners[piece];
        expect(owner).toBe(pairs.findLastIndex(([start, size]) => start <= address && address < start + size));
      }
    }),
  );
});
