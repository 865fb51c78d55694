/** `leakline doctor`: can this machine trace, can this process be traced, and what to do about it if not. */

import { styleText } from "node:util";
import { LeaklineError } from "../base/errors.ts";
import { loadLibbpf } from "../bpf/libbpf.ts";
import type { Check } from "../process/check.ts";
import { checkMachine } from "../process/machine-facts.ts";
import { checkTarget } from "../process/target-facts.ts";
import { toJson } from "../report/json.ts";
import { type Arguments, type Command, parsePid, usageError } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { print, printable, printStyled } from "./output.ts";

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
  if (given.flag("json")) {
    print(`${toJson({ version: 1, kind: "doctor", ready, checks })}\n`);
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

function renderCheck({ name, ok, found, mend }: Check): string {
  const mark = ok === true ? styleText("green", "ok  ") : ok ? styleText("yellow", "warn") : styleText("red", "no  ");
  const line = `${mark} ${name.padEnd(14)} ${printable(found)}`;
  return mend === undefined || ok === true ? line : `${line}\n${" ".repeat(20)}→ ${mend}`;
}
