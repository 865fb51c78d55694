import fc from "fast-check";
import { expect, test } from "vitest";
import { stableOrder } from "./stable-order.ts";

/** Few values, so that some are equal; and some so far apart that they cannot be sorted together with an index. */
const value = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(-(2 ** 31), 2 ** 40, -(2 ** 52), 2 ** 52));

test("orders like a stable sort, at any length and distance", () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 100 }), (values) => {
      const expected = values.map((_, i) => i).sort((a, b) => values[a] - values[b]);
      expect([...stableOrder(Float64Array.from(values), values.length)]).toEqual(expected);
    }),
  );
});

test("asks which of two equal ones comes first", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(value, fc.integer({ min: 0, max: 3 })), { maxLength: 100 }), (pairs) => {
      const values = Float64Array.from(pairs, ([first]) => first);
      const ranks = pairs.map(([, second]) => second);
      const expected = ranks.map((_, i) => i).sort((a, b) => values[a] - values[b] || ranks[a] - ranks[b]);
      expect([...stableOrder(values, values.length, (a, b) => ranks[a] - ranks[b])]).toEqual(expected);
    }),
  );
});

test("takes as many values as are asked for", () => {
  expect([...stableOrder(Int32Array.of(7, -1, 7, 3, 0), 4)]).toEqual([1, 3, 0, 2]);
});
