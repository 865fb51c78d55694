/** `leakline doctor`: can this machine trace, can this process be traced, and what to do about it if not. */

import { styleText } from "node:util";
import { LeaklineError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { loadLibbpf } from "../bpf/libbpf.ts";
import {
  findPairPlacement,
  type PairPlacement,
  predictPair,
  probesOfPair,
  USUAL_FRAMES,
} from "../capture/cost-prediction.ts";
import { measureProbeCosts, type ProbeCosts } from "../capture/probe-cost.ts";
import type { Check } from "../process/check.ts";
import { checkMachine } from "../process/machine-facts.ts";
import { checkTarget, readTargetFacts } from "../process/target-facts.ts";
import { toJson } from "../report/json.ts";
import { type Arguments, type Command, parsePid, usageError } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { print, printStyled } from "./output.ts";

export const doctor: Command = {
  name: "doctor",
  summary: "can this machine trace this process? each obstacle with its mend",
  operands: "[PID]",
  options: { json: { help: "one JSON object" } },
  examples: [
    ["leakline doctor", "the machine"],
    ["sudo leakline doctor 1234", "the machine and a process"],
  ],
  run,
};

async function run(given: Arguments): Promise<number> {
  if (given.operands.length > 1) throw usageError("doctor takes one PID at most");
  const [pid] = given.operands;
  const checks = await diagnose(pid === undefined ? undefined : parsePid(pid));
  const ready = checks.every((check) => check.ok !== false);
  const cost = pid === undefined ? undefined : await predictCost(parsePid(pid), ready);
  if (cost) checks.push(cost.check);
  if (given.flag("json")) {
    print(`${toJson({ version: 1, kind: "doctor", ready, checks, ...cost?.figures })}\n`);
  } else {
    const what = pid === undefined ? "this machine can trace" : `process ${pid} can be traced`;
    printStyled(
      `${checks.map(renderCheck).join("\n")}\n${ready ? `ready: ${what}` : "not ready: mend what is marked no"}\n`,
    );
  }
  return ready ? EXIT.done : EXIT.failed;
}

/** All checks of the machine, and of a process when one is given. */
export async function diagnose(pid: number | undefined): Promise<Check[]> {
  const { version, problem } = await libbpfVersion();
  const machine = checkMachine(version).map((check) =>
    check.name === "libbpf" && problem !== undefined ? { ...check, found: problem } : check,
  );
  return pid === undefined ? machine : [...machine, ...checkTarget(pid)];
}

async function libbpfVersion(): Promise<{ version: string | undefined; problem: string | undefined }> {
  try {
    return { version: (await loadLibbpf()).version, problem: undefined };
  } catch (error) {
    if (error instanceof LeaklineError) return { version: undefined, problem: error.message };
    throw error;
  }
}

/** What tracing this process will cost it; `figures` are for --json, in nanoseconds. */
async function predictCost(pid: number, ready: boolean): Promise<{ check: Check; figures: object } | undefined> {
  if (!ready) {
    const found = "not predicted: that takes probes in leakline's own process, and so what is marked no";
    return { check: { name: "cost", ok: "warning", found }, figures: {} };
  }
  try {
    const placement = findPairPlacement(readTargetFacts(pid).allocators);
    if (!placement) return undefined;
    const costs = await measureProbeCosts();
    const pair = USUAL_FRAMES.map((frames) => ({ frames, cost: predictPair(costs, placement, frames) }));
    return { check: describeCost(costs, placement), figures: { cost: { ...costs, placement, pair } } };
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    const found = `not predicted: ${error.message}`;
    return { check: { name: "cost", ok: "warning", found, mend: error.hint }, figures: {} };
  }
}

function describeCost(costs: ProbeCosts, placement: PairPlacement): Check {
  const [short, long] = USUAL_FRAMES;
  const least = predictPair(costs, placement, short);
  const most = predictPair(costs, placement, long);
  const micro = (ns: number): string => (ns / 1000).toFixed(1);
  const found = [
    `about ${micro(least)} to ${micro(most)} µs for each malloc and its free,`,
    costs.frame === 0 ? "the walk of the stack not counted" : `from stacks of ${short} to ${long} frames`,
    `(probes ${micro(probesOfPair(costs, placement))}):`,
    `100,000 of them a second take ${(least / 100).toFixed(0)} to ${(most / 100).toFixed(0)} % of a processor more`,
  ].join(" ");
  const dear = Object.entries(placement).filter(([, place]) => place !== "emulated");
  if (dear.length === 0) return { name: "cost", ok: true, found };
  const names = dear.map(([name]) => name).join(" and ");
  const ratio = (costs.outOfLine / costs.emulated).toFixed(0);
  return { name: "cost", ok: "warning", found: `${found}; a probe in its ${names} costs ${ratio} times the usual` };
}

function renderCheck({ name, ok, found, mend }: Check): string {
  const mark = ok === true ? styleText("green", "ok  ") : ok ? styleText("yellow", "warn") : styleText("red", "no  ");
  const line = `${mark} ${name.padEnd(14)} ${printable(found)}`;
  return mend === undefined || ok === true ? line : `${line}\n${" ".repeat(20)}→ ${mend}`;
}
