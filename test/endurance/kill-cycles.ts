/** `node scripts/kill-cycles.mjs`: many attach/kill cycles, in figures. Options: see there. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { seededRandom } from "../differential/random.ts";
import { type CycleResults, type Moment, runCycles } from "./cycles.ts";
import { compileTarget } from "./processes.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    detaches: { type: "string", default: "50" },
    single: { type: "string", default: "20" },
    seed: { type: "string", default: String(Date.now() % 2 ** 32) },
  },
});

/** Half of the kills at random moments, the others in the middle of attaching and of detaching. */
function killMoments(count: number): Moment[] {
  const pattern: Moment[] = ["random", "first probe", "random", "detaching"];
  return Array.from({ length: count }, (_, i) => pattern[i % pattern.length]);
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

function print(name: string, results: CycleResults): void {
  const { cycles, killedBefore, killedAfter, failures, slowestClean, gapBefore, gaps, operations, verdict } = results;
  const counts = Object.entries(cycles).flatMap(([moment, count]) => (count > 0 ? [`${count} ${moment}`] : []));
  console.log(`${name}: ${gaps.length} cycles (${counts.join(", ")}), ${failures.length} failures`);
  if (killedBefore + killedAfter > 0)
    console.log(`  killed ${killedBefore} times before all probes were in place, ${killedAfter} times after`);
  const abandoned = Object.entries(results.abandoned).flatMap(([moment, count]) =>
    count ? [`${count} ${moment}`] : [],
  );
  if (abandoned.length > 0) {
    const inCode = `after ${results.abandonedInCode} cycles some were left in the target's code`;
    console.log(`  the kernel gave up removing probes: ${abandoned.join(", ")}; ${inCode}`);
  }
  console.log(`  nothing left behind after at most ${slowestClean.toFixed(0)} ms`);
  const ofCycles = `median ${median(gaps).toFixed(1)} ms, most ${Math.max(...gaps).toFixed(1)} ms`;
  console.log(`  longest pause of a thread of the target: ${ofCycles}; without leakline ${gapBefore.toFixed(1)} ms`);
  console.log(`  target: ${operations} operations, ${verdict}`);
  for (const failure of failures) console.log(`  ${failure}`);
  if (failures.length + results.abandonedInCode > 0) process.exitCode = 1;
}

const folder = mkdtempSync(join(tmpdir(), "leakline-cycles-"));
try {
  const program = compileTarget(folder, "verified");
  const random = seededRandom(Number(values.seed));
  const report = (failure: string): void => console.error(failure);
  console.log(`seed ${values.seed}`);
  const orderly = (count: number): Moment[] => Array.from({ length: count }, () => "orderly");
  const runs: [string, Moment[], string[]][] = [
    ["killed", killMoments(Number(values.kills)), []],
    ["detached", orderly(Number(values.detaches)), []],
    ["killed, single probes", killMoments(Number(values.single)), ["--single-probes"]],
    ["detached, single probes", orderly(Math.ceil(Number(values.single) / 4)), ["--single-probes"]],
  ];
  for (const [name, moments, args] of runs)
    if (moments.length > 0) print(name, await runCycles(program, moments, args, random, report));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
