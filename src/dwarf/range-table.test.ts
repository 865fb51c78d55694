import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Lru } from "./lru.ts";
import { RangeTable } from "./range-table.ts";

const bound = fc.integer({ min: -20, max: 20 });

describe("RangeTable", () => {
  test("finds every range that contains an address, the best first, as trying them all does", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(bound, bound), { maxLength: 40 }), bound, (ranges, address) => {
        const table = new RangeTable();
        ranges.forEach(([begin, end], index) => {
          table.add(begin, end, index);
        });
        const found: number[] = [];
        for (let row = table.find(address); row >= 0; row = table.find(address, row)) found.push(table.payloadAt(row));
        const expected = ranges
          .map(([begin, end], index) => ({ begin, end, index }))
          .filter(({ begin, end }) => begin <= address && address < end)
          .sort((a, b) => b.begin - a.begin || a.end - b.end || b.index - a.index)
          .map(({ index }) => index);
        expect(found).toEqual(expected);
      }),
    );
  });
});

describe("Lru", () => {
  test("drops what was used least recently, never the newest", () => {
    const lru = new Lru<string>(10);
    lru.set(1, "one", 4);
    lru.set(2, "two", 4);
    expect(lru.get(1)).toBe("one");
    lru.set(3, "three", 4);
    expect([lru.get(1), lru.get(2), lru.get(3)]).toEqual(["one", undefined, "three"]);
    lru.set(4, "larger than all", 100);
    expect([lru.get(1), lru.get(3), lru.get(4)]).toEqual([undefined, undefined, "larger than all"]);
  });

  test("an entry that is set again counts once, with its new weight", () => {
    const lru = new Lru<string>(10);
    lru.set(1, "one", 6);
    lru.set(1, "one", 3);
    lru.set(2, "two", 7);
    expect([lru.get(1), lru.get(2)]).toEqual(["one", "two"]);
  });
});
