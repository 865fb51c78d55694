/**
 * Programs built without frame pointers, at work: their stacks reach the start of the thread, and are those that perf's
 * DWARF unwinder sees at the same calls. `node scripts/stacks-differential.mjs` does the same for more programs, longer.
 */

import { expect, test } from "vitest";
import { measureTarget } from "../stacks/measure.ts";
import { TARGETS } from "../stacks/targets.ts";
import { needTools, temporaryDirectory } from "../support/oracle.ts";

const NAMES = ["gcc work.c", "clang-14 work.c", "g++ work.cc", "clang++-14 work.cc", "rustc work.rs", "python3"];

test.for(NAMES)("%s", async (name, context) => {
  const kind = TARGETS.find((target) => target.name === name)!;
  needTools(context, "perf", "nm", "readelf", ...kind.tools);
  const { share, comparison, describe } = await measureTarget(kind, temporaryDirectory(), {
    seconds: 2,
    rate: 100,
    options: [],
  });

  const { all, whole, short } = share;
  expect(whole.stacks / all.stacks, [...short.keys()].join("; ")).toBeGreaterThanOrEqual(0.99);
  expect(whole.allocations / all.allocations, [...short.keys()].join("; ")).toBeGreaterThanOrEqual(0.99);
  expect(all.stacks).toBeGreaterThan(200);

  const { same, compared, different } = comparison;
  const readable = different.map(({ perf, recorded }) => ({ perf: describe(perf), recorded: describe(recorded) }));
  expect(readable).toEqual([]);
  expect(same).toBeGreaterThan(0.9 * compared);
  expect(compared).toBeGreaterThan(20);
});
