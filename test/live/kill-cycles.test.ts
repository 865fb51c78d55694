/** The bounded part of `node scripts/kill-cycles.mjs`: attached, killed or detached, under load, and nothing stays. */

import { expect, test } from "vitest";
import { seededRandom } from "../differential/random.ts";
import { type Moment, runCycles } from "../endurance/cycles.ts";
import { changedCode, heldBy, kernelObjects } from "../endurance/left-behind.ts";
import { compileTarget, startProgram, startTracer } from "../endurance/processes.ts";
import { needTools } from "../support/oracle.ts";
import { temporaryDirectory } from "../support/programs.ts";

/** LEAKLINE_SEED repeats a run. */
const SEED = Number(process.env.LEAKLINE_SEED ?? Date.now() % 2 ** 32);
const program = compileTarget(temporaryDirectory(), "verified");

test("what would be left behind is seen while leakline is attached", async (context) => {
  needTools(context, "bpftool");
  const target = await startProgram(program);
  const tracer = startTracer(target.pid, []);
  try {
    expect(changedCode(target.pid)).toEqual([]);
    await tracer.attached;
    expect(changedCode(target.pid).length).toBeGreaterThan(2);
    const now = kernelObjects();
    const held = heldBy(tracer.pid);
    expect(held.length).toBeGreaterThan(2);
    expect(held.filter((object) => !now.has(object))).toEqual([]);
  } finally {
    tracer.child.kill("SIGTERM");
    await tracer.ended;
    target.child.kill("SIGKILL");
  }
});

const MOMENTS: Moment[] = ["random", "first probe", "random", "detaching", "random", "orderly"];

test.for([
  ["uprobe-multi", [...MOMENTS, ...MOMENTS.slice(0, 4)], []],
  ["single probes", MOMENTS.slice(1, 4), ["--single-probes"]],
] as const)("a target under load is unharmed by being attached to and left, %s", async ([, moments, args], context) => {
  needTools(context, "bpftool", "dmesg");
  const { failures, abandonedInCode, verdict } = await runCycles(program, moments, args, seededRandom(SEED));
  expect(failures, `seed ${SEED}`).toEqual([]);
  // Single probes are detached by leakline itself, see cycles.ts.
  if (args.length === 0) expect(abandonedInCode).toBe(0);
  expect(verdict).toMatch(/^allocated (\d{4,}) freed \1 wrong 0$/);
});
