/**
 * `node scripts/fuzz.mjs`: damages the seeds for as long as it is told. A failure is shrunk to the fewest changes, and
 * printed with the seed that brings it back.
 */

import { parseArgs } from "node:util";
import fc from "fast-check";
import { exercise } from "./exercise.ts";
import { mutate, mutations, partsOf } from "./mutations.ts";
import { readSeeds } from "./seeds.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    only: { type: "string", default: "" },
  },
});

const RUNS_AT_ONCE = 2000;
/** Of the processor, not of the clock. No file of ten kilobytes takes that; the tests themselves count work, never time. */
const SLOW_MILLISECONDS = 1000;

const seeds = readSeeds().filter(({ name }) => name.includes(values.only));
const end = Date.now() + Number(values.minutes) * 60_000;
let runs = 0;
let slowest = 0;
for (let round = Number(values.seed); Date.now() < end; round++) {
  for (const seed of seeds) {
    const parts = partsOf(seed);
    const property = fc.property(mutations, (changes) => {
      const began = process.cpuUsage();
      exercise(mutate(seed, parts, changes), seed.main, seed.addresses);
      const { user, system } = process.cpuUsage(began);
      const milliseconds = (user + system) / 1000;
      slowest = Math.max(slowest, milliseconds);
      if (milliseconds > SLOW_MILLISECONDS) throw new Error("slow");
    });
    const details = fc.check(property, { numRuns: RUNS_AT_ONCE, seed: round });
    runs += details.numRuns;
    if (details.failed) {
      console.error(`${seed.name}, --seed ${round}: ${fc.defaultReportMessage(details)}`);
      console.error(details.errorInstance);
      process.exitCode = 1;
    }
  }
  console.log(`seed ${round}: ${runs} files so far, the slowest ${slowest.toFixed(0)} ms`);
  if (process.exitCode) break;
}
