import fc from "fast-check";
import { expect, test } from "vitest";
import { findRange } from "./ranges.ts";

test("findRange agrees with looking at every range", () => {
  const pieces = fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 5 })), { maxLength: 30 });
  fc.assert(
    fc.property(pieces, fc.bigInt({ min: 0n, max: 200n }), (gaps, address) => {
      let end = 0n;
      const ranges = gaps.map(([gap, size]) => {
        const start = end + BigInt(gap);
        end = start + BigInt(size);
        return { start, end };
      });
      const expected = ranges.filter((range) => range.start <= address && address < range.end);
      expect(findRange(ranges, address)).toBe(expected[0]);
    }),
  );
});
