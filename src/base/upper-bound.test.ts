import fc from "fast-check";
import { expect, test } from "vitest";
import { upperBound, upperBoundFrom } from "./upper-bound.ts";

test("counts the values that are at most the wanted one, wherever it begins", () => {
  const value = fc.integer({ min: -20, max: 20 });
  fc.assert(
    fc.property(fc.array(value), value, fc.nat(), (list, wanted, seed) => {
      const values = Float64Array.from(list).sort();
      const expected = list.filter((one) => one <= wanted).length;
      expect(upperBound(values, wanted)).toBe(expected);
      expect(upperBoundFrom(values, wanted, seed % (list.length + 1))).toBe(expected);
    }),
  );
});
