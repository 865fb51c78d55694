/**
 * Attach and be gone again, many times, while the target allocates at full rate and checks itself. A cycle ends at a
 * moment of four kinds:
 *
 * - `random`: SIGKILL somewhere between the start of leakline and well after the attach;
 * - `first probe`: SIGKILL as soon as the first breakpoint is in the target's code, in the middle of the attach;
 * - `detaching`: SIGTERM, and SIGKILL while it detaches;
 * - `orderly`: SIGTERM; leakline must end by itself.
 *
 * After each, no program and no link may be left in the kernel, the target's code must be its files' again, and it must
 * still be at work with nothing wrong. Linux (6.18 at least) cannot take back a probe on behalf of a task with a SIGKILL
 * pending, to its log's "leaking uprobe". That is why leakline sets one probe a link and has its links held by a file
 * system (src/bpf/private-pins.ts). With `--single-probes` it cannot: those that are left in the target's code when it is
 * killed while it removes them are counted apart. They do nothing but cost time.
 */

import { setTimeout } from "node:timers/promises";
import type { Random } from "../differential/random.ts";
import { abandonedProbes, changedCode, type KernelObjects, kernelObjects, leftInKernel } from "./left-behind.ts";
import { startProgram, startTracer, type Target, type Tracer } from "./processes.ts";

export const MOMENTS = ["random", "first probe", "detaching", "orderly"] as const;
export type Moment = (typeof MOMENTS)[number];

export type CycleResults = {
  cycles: { [moment in Moment]: number };
  /** Kills before and after all probes were in place. */
  killedBefore: number;
  killedAfter: number;
  /** One line each. */
  failures: string[];
  /** Most time until nothing was left, milliseconds. */
  slowestClean: number;
  /** Probes that the kernel itself gave up on, see `abandonedProbes`, by the moment of the kill. */
  abandoned: { [moment in Moment]: number };
  /** Cycles after which such probes were left in the target's code: until the next attach, whose end removes them. */
  abandonedInCode: number;
  /** Longest time between two operations of a thread, milliseconds: in a second without leakline, and in each cycle. */
  gapBefore: number;
  gaps: number[];
  operations: number;
  /** The target's own last word. */
  verdict: string;
};

/** Longest wait for the kernel to take everything back. Single probes take a tenth of a second each. */
const PATIENCE = 20_000;

/**
 * @param moments one a cycle.
 * @param args for `leakline attach`.
 * @param report told about each failure as it happens.
 */
export async function runCycles(
  program: string,
  moments: readonly Moment[],
  args: readonly string[],
  random: Random,
  report: (failure: string) => void = () => {},
): Promise<CycleResults> {
  const before = kernelObjects();
  let abandoned = abandonedProbes();
  const target = await startProgram(program);
  try {
    await target.ask();
    await setTimeout(1000);
    let last = parseAnswer(await target.ask());
    const results: CycleResults = {
      cycles: { random: 0, "first probe": 0, detaching: 0, orderly: 0 },
      killedBefore: 0,
      killedAfter: 0,
      failures: [],
      slowestClean: 0,
      abandoned: { random: 0, "first probe": 0, detaching: 0, orderly: 0 },
      abandonedInCode: 0,
      gapBefore: last.longest,
      gaps: [],
      operations: 0,
      verdict: "",
    };
    const fail = (cycle: number, what: string): void => {
      const line = `cycle ${cycle} (${moments[cycle]}): ${what}`;
      results.failures.push(line);
      report(line);
    };
    /** How long an attach takes, milliseconds; a first guess until one has been seen. */
    let attachTime = 1000;
    for (const [cycle, moment] of moments.entries()) {
      const began = performance.now();
      const tracer = startTracer(target.pid, ["-i", "0.1", ...args]);
      tracer.attached.then(() => {
        if (tracer.isAttached()) attachTime = performance.now() - began;
      });
      const problem = await endAt(moment, target, tracer, attachTime, random);
      if (problem !== undefined) fail(cycle, `${problem}: ${tracer.stderr()}`);
      results.cycles[moment]++;
      if (moment !== "orderly") results[tracer.isAttached() ? "killedAfter" : "killedBefore"]++;

      const ended = abandonedProbes();
      results.abandoned[moment] += ended - abandoned;
      const isAbandoned = ended > abandoned;
      abandoned = ended;
      const { left, inCode, waited } = await waitUntilClean(target.pid, before, isAbandoned);
      results.slowestClean = Math.max(results.slowestClean, waited);
      if (isAbandoned && inCode.length > 0) results.abandonedInCode++;
      else left.push(...inCode);
      if (left.length > 0) fail(cycle, `left behind: ${left.join(", ")}`);
      const now = parseAnswer(await target.ask());
      if (now.operations <= last.operations) fail(cycle, "the target did not go on");
      if (now.wrong > 0) fail(cycle, `the target found ${now.wrong} things wrong`);
      results.gaps.push(now.longest);
      last = now;
    }
    results.operations = last.operations;
    target.child.stdin?.end();
    results.verdict = await target.line();
    const code = await target.exited;
    if (code !== 0) fail(moments.length - 1, `the target ended with ${code}: ${results.verdict}`);
    return results;
  } finally {
    target.child.kill("SIGKILL");
  }
}

/** @returns what went wrong with leakline itself. */
async function endAt(
  moment: Moment,
  target: Target,
  tracer: Tracer,
  attachTime: number,
  random: Random,
): Promise<string | undefined> {
  const { child, ended } = tracer;
  let hasEnded = false;
  ended.then(() => {
    hasEnded = true;
  });
  if (moment === "random") await setTimeout(random.below(2 * attachTime + 300));
  else if (moment === "first probe") while (!hasEnded && changedCode(target.pid).length === 0) await setTimeout(1);
  else {
    await tracer.attached;
    await setTimeout(random.below(500));
    child.kill("SIGTERM");
    if (moment === "detaching") await setTimeout(random.below(40));
  }
  if (moment !== "orderly") child.kill("SIGKILL");
  const end = await ended;
  // Told to detach, it may be done before it is killed.
  const expected = moment === "orderly" ? [0] : moment === "detaching" ? [0, "SIGKILL"] : ["SIGKILL"];
  return expected.includes(end) ? undefined : `leakline ended with ${end}`;
}

/** @param isAbandoned the kernel has given up on probes: those that are in the code will stay there. */
async function waitUntilClean(
  pid: number,
  before: KernelObjects,
  isAbandoned: boolean,
): Promise<{ left: string[]; inCode: string[]; waited: number }> {
  const began = performance.now();
  for (;;) {
    const [left, inCode] = [leftInKernel(before), changedCode(pid)];
    const waited = performance.now() - began;
    const isClean = left.length === 0 && (inCode.length === 0 || isAbandoned);
    if (isClean || waited > PATIENCE) return { left, inCode, waited };
    await setTimeout(50);
  }
}

function parseAnswer(line: string): { operations: number; longest: number; wrong: number } {
  const row = /^operations (\d+) longest (\d+) wrong (\d+)$/.exec(line);
  if (!row) throw new Error(`not an answer: ${line}`);
  const [operations, nanoseconds, wrong] = row.slice(1).map(Number);
  return { operations, longest: nanoseconds / 1e6, wrong };
}
