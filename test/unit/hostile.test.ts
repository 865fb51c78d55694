/**
 * The whole symbolizer over damaged files: cut off everywhere, and changed at random by the ten-thousand. `exercise.ts`
 * says what must hold. LEAKLINE_SEED repeats a run; scripts/fuzz.mjs goes on for as long as it is told.
 */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { exercise } from "../hostile/exercise.ts";
import { withHeadersFirst } from "../hostile/headers-first.ts";
import { mutate, mutations, partsOf } from "../hostile/mutations.ts";
import { readSeed, readSeeds } from "../hostile/seeds.ts";

const SEED = Number(process.env.LEAKLINE_SEED ?? Date.now() % 2 ** 31);
const RUNS = 40_000;
const SEEDS = readSeeds();

test.each(SEEDS)("$name, undamaged, names its functions", ({ files, main, addresses }) => {
  const { opened, named } = exercise(files, main, addresses);
  expect(opened).toBe(true);
  expect(addresses.length).toBeGreaterThanOrEqual(9);
  expect(named).toBeGreaterThanOrEqual(addresses.length);
});

describe("cut off at every offset", () => {
  test.each(["dwarf4", "dwarf5"])("%s", (name) => {
    const { main, files, addresses } = readSeed(name);
    const bytes = withHeadersFirst(files.get(main) as Uint8Array);
    const whole = exercise(new Map([[main, bytes]]), main, addresses).named;
    const counts = new Set<number>();
    for (let length = 0; length < bytes.length; length++)
      counts.add(exercise(new Map([[main, bytes.subarray(0, length)]]), main, addresses.slice(0, 3)).named);
    // The cut goes through all there is: from nothing at all to every name.
    expect(whole).toBeGreaterThanOrEqual(addresses.length);
    expect(counts.size).toBeGreaterThan(2);
  });
});

describe(`changed at random (seed ${SEED})`, () => {
  test.each(SEEDS)("$name", (seed) => {
    const parts = partsOf(seed);
    fc.assert(
      fc.property(
        mutations,
        (changes) => void exercise(mutate(seed, parts, changes), seed.main, seed.addresses.slice(0, 5)),
      ),
      { numRuns: Math.ceil(RUNS / SEEDS.length), seed: SEED, verbose: 1 },
    );
  });
});
