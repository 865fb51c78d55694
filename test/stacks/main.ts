/** `node scripts/stacks-differential.mjs`: a line for each program. Options: there. */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import type { Difference } from "./compare.ts";
import { type Measured, measureTarget } from "./measure.ts";
import type { Counts } from "./share.ts";
import { TARGETS } from "./targets.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "8" },
    rate: { type: "string", default: "200" },
    only: { type: "string", default: "" },
    show: { type: "string", default: "3" },
    "frame-pointers": { type: "boolean", default: false },
  },
});

function show(name: string, { share, comparison, nested, describe }: Measured): void {
  const { all, whole } = share;
  const { compared, same, cutByPerf, frames, deepest, different } = comparison;
  console.log(
    [
      name.padEnd(42),
      `${all.stacks}`.padStart(7),
      percent(whole.stacks, all.stacks).padStart(9),
      `${all.allocations}`.padStart(11),
      percent(whole.allocations, all.allocations).padStart(9),
      `${same}/${compared}`.padStart(9),
      `${cutByPerf}`.padStart(8),
      `${frames}`.padStart(7),
      `${deepest}`.padStart(5),
      `${nested}`.padStart(5),
    ].join(" "),
  );
  const reasons = [...share.short].sort(([, a], [, b]) => b.stacks - a.stacks).slice(0, Number(values.show) * 2);
  for (const [reason, counts] of reasons) console.log(`    ${share2(counts)} ${reason}`);
  for (const difference of different.slice(0, Number(values.show))) showDifference(difference, describe);
}

function share2({ stacks, allocations }: Counts): string {
  return `${stacks} stacks, ${allocations} allocations:`;
}

function showDifference({ kind, perf, recorded, end, common }: Difference, describe: Measured["describe"]): void {
  console.log(`    ${kind}: ${common} frames alike; the recorded one ends: ${end}`);
  const from = Math.max(0, common - 2);
  for (const line of describe(perf.slice(from, common))) console.log(`        both ${line}`);
  for (const line of describe(perf.slice(common, common + 3))) console.log(`        perf ${line}`);
  for (const line of describe(recorded.slice(common, common + 3))) console.log(`        ours ${line}`);
}

function percent(part: number, all: number): string {
  return all === 0 ? "-" : `${((100 * part) / all).toFixed(2)} %`;
}

function isThere(tool: string): boolean {
  if (tool.startsWith("/")) return existsSync(tool);
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, tool)));
}

console.log(
  "program                                     stacks     whole allocations     whole  as perf cut/perf  frames  deep nested",
);
for (const kind of TARGETS) {
  if (!kind.name.includes(values.only)) continue;
  const missing = kind.tools.filter((tool) => !isThere(tool));
  if (missing.length > 0) {
    console.log(`${kind.name}: left out, there is no ${missing.join(", ")}`);
    continue;
  }
  const folder = mkdtempSync(join(tmpdir(), "leakline-stacks-"));
  try {
    const options = values["frame-pointers"] ? ["--frame-pointers"] : [];
    show(
      kind.name,
      await measureTarget(kind, folder, { seconds: Number(values.seconds), rate: Number(values.rate), options }),
    );
  } catch (error) {
    console.log(`${kind.name}: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
