/**
 * `npm run differential`: every binary, a line each, then all together. Options: scripts/differential.mjs.
 */

import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { showAnswer } from "./answer.ts";
import { allBinaries } from "./binaries.ts";
import type { DifferenceClass } from "./classes.ts";
import type { Difference } from "./compare.ts";
import { judge } from "./judge.ts";
import { PEERS } from "./peers.ts";
import { addResults, EMPTY_RESULT, TABLE_HEADING, tableLine } from "./table.ts";

const cacheFolder = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
const { values } = parseArgs({
  options: {
    addresses: { type: "string", default: "45000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 32) },
    only: { type: "string", default: "" },
    show: { type: "string", default: "3" },
    cache: { type: "string", default: join(cacheFolder, "leakline", "differential") },
  },
});

/** A program compiled here is small: so many addresses for each of a large binary. */
const SMALL_SHARE = 1 / 7;

function show(name: string, { address, ours, theirs }: Difference): void {
  console.log(`  ${name} at 0x${address.toString(16)}`);
  console.log(`    ours ${showAnswer(ours)}`);
  for (const [i, answer] of theirs.entries()) console.log(`    ${PEERS[i].name.padEnd(4)} ${showAnswer(answer)}`);
}

const seed = Number(values.seed);
console.log(`seed ${seed}\n${TABLE_HEADING}`);
let total = EMPTY_RESULT;
const totalClasses = new Map<DifferenceClass, number>();
for (const binary of allBinaries(values.cache, (message) => console.error(message))) {
  if (!binary.name.includes(values.only)) continue;
  const count = Math.round(Number(values.addresses) * (binary.isLarge ? 1 : SMALL_SHARE));
  const { result, byClass } = judge(binary, count, seed);
  console.log(tableLine(binary.name, result, new Map([...byClass].map(([name, list]) => [name, list.length]))));
  total = addResults(total, result);
  for (const [name, differences] of byClass) {
    totalClasses.set(name, (totalClasses.get(name) ?? 0) + differences.length);
    for (const difference of differences.slice(0, Number(values.show))) show(name, difference);
  }
}
console.log(tableLine("all", total, totalClasses));
