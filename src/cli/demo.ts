/**
 * `leakline demo`: the tutorial's leaking program, compiled, started and traced, in one command.
 *
 * Where the machine cannot trace, it says what is missing, and replays a recording of the same program.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeError, type ErrorCode, LeaklineError } from "../base/errors.ts";
import { packageFile } from "../os/package-file.ts";
import { traceAndReport } from "./attach.ts";
import { type Arguments, type Command, usageError } from "./command.ts";
import { diagnose } from "./doctor.ts";
import { EXIT } from "./exit-codes.ts";
import { type LiveOptions, liveOptionsFrom } from "./live.ts";
import { note, print } from "./output.ts";
import { reportRecording } from "./report.ts";
import { REPORT_OPTIONS, type ReportOptions, reportOptionsFrom } from "./report-options.ts";

const DEMO = packageFile("demo");
const PROGRAM = "test_memleak";

export const demo: Command = {
  name: "demo",
  summary: "the tutorial's leaking program, traced live, in one command",
  operands: "",
  options: {
    replay: { help: "show the recording that ships with leakline instead of tracing" },
    ...REPORT_OPTIONS,
    interval: { value: "SECONDS", short: "i", help: "time between reports", default: "3" },
    duration: { value: "SECONDS", short: "d", help: "how long to trace", default: "8" },
  },
  examples: [["sudo leakline demo", "two reports, a final one, and done"]],
  run,
};

async function run(given: Arguments): Promise<number> {
  if (given.operands.length > 0) throw usageError(`${given.operands[0]}: demo takes no operands`);
  const options = reportOptionsFrom(given);
  const live = liveOptionsFrom(given);
  if (given.flag("replay")) {
    await replay(options);
    return EXIT.done;
  }
  const missing = await obstacles();
  if (missing.length === 0) {
    try {
      await traceProgram(live, options);
      return EXIT.done;
    } catch (error) {
      if (!(error instanceof LeaklineError && CANNOT_TRACE.has(error.code))) throw error;
      missing.push(describeError(error));
    }
  }
  note(`this machine cannot trace:\n${missing.map((line) => `  ${line}`).join("\n")}`);
  await replay(options);
  return EXIT.done;
}

/** What an attach fails with where the checks saw no obstacle: a container's seccomp filter, a kernel without eBPF. */
const CANNOT_TRACE: ReadonlySet<ErrorCode> = new Set(["permission", "unsupported", "not-found"]);

async function traceProgram(live: LiveOptions, options: ReportOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "leakline-demo-"));
  try {
    const target = await startTarget(compile(folder));
    try {
      await traceAndReport([{ pid: target.pid as number }], live, options);
    } finally {
      target.kill("SIGKILL");
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What keeps this machine from tracing, each with its mend. */
async function obstacles(): Promise<string[]> {
  if (process.platform !== "linux") return [`${process.platform}: eBPF is a part of Linux → run it on Linux`];
  const checks = await diagnose(undefined);
  const lines = checks.filter(({ ok }) => ok === false).map(({ name, found, mend }) => `${name}: ${found} → ${mend}`);
  if (spawnSync("cc", ["--version"]).error) lines.push("no C compiler → apt-get install gcc libc6-dev");
  return lines;
}

async function replay(options: ReportOptions): Promise<void> {
  const label = "REPLAY: what follows was recorded on another machine; nothing is traced here.";
  if (options.json) note(label);
  else print(`${label}\n`);
  await reportRecording(join(DEMO, "replay", "leak.rec"), [join(DEMO, "replay", "root")], options);
}

/** @returns the program's path. */
function compile(folder: string): string {
  copyFileSync(join(DEMO, `${PROGRAM}.c`), join(folder, `${PROGRAM}.c`));
  const program = join(folder, PROGRAM);
  note(`compiling ${PROGRAM}.c with -g`);
  const { status, stderr } = spawnSync("cc", ["-g", "-O0", "-o", program, `${PROGRAM}.c`], { cwd: folder });
  if (status !== 0) {
    throw new LeaklineError("unsupported", `cc could not compile ${PROGRAM}.c: ${stderr}`, {
      hint: "apt-get install gcc libc6-dev",
    });
  }
  return program;
}

async function startTarget(program: string): Promise<ChildProcess> {
  const target = spawn(program, { stdio: "ignore" });
  await once(target, "spawn");
  // Let the dynamic linker finish: before, the process has no libc to probe.
  await new Promise((resolve) => setTimeout(resolve, 200));
  note(`started ${program}, process ${target.pid}`);
  return target;
}
