/** The prediction by arithmetic done by hand. */

import { expect, test } from "vitest";
import { predictPair, probesOfPair } from "./cost-prediction.ts";

const COSTS = { emulated: 700, outOfLine: 9500, atReturn: 500, account: 400, frame: 100 };

test("a pair is two entries, a return, the account, and a walk", () => {
  const cheap = { malloc: "emulated", free: "emulated" } as const;
  expect(probesOfPair(COSTS, cheap)).toBe(700 + 500 + 700);
  expect(predictPair(COSTS, cheap, 10)).toBe(1900 + 400 + 1000);
  expect(predictPair(COSTS, cheap, 30)).toBe(1900 + 400 + 3000);
});

test("a function without a cheap place costs what it costs there", () => {
  expect(probesOfPair(COSTS, { malloc: "emulated", free: "out of line" })).toBe(700 + 500 + 9500);
  expect(probesOfPair(COSTS, { malloc: "out of line", free: "out of line" })).toBe(9500 + 500 + 9500);
});
