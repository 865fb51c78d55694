/** How a user talks to a running trace: signals, keys, control files, and the reader of its output going away. */

import { spawnSync } from "node:child_process";
import { chownSync, existsSync, lstatSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  compileProgram,
  type JsonReport,
  leakline,
  MAIN,
  startCommand,
  startLeakline,
  startTarget,
  type Target,
  traceWith,
} from "../support/live.ts";
import { needTools } from "../support/oracle.ts";
import { temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
const burst = compileProgram(folder, "burst");
/** programs/burst.c allocates 1000 blocks of 16 bytes. */
const BURST = { bytes: 16_000, blocks: 1000 };
const REPORT = "outstanding in";
const FINAL = "final report, ";
/** So long that no report of a test comes by itself. */
const NEVER = ["-i", "3600"];
const NOBODY = 65534;

async function leakOnce(target: Target): Promise<void> {
  target.go();
  await target.line();
}

function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}

describe("signals", () => {
  test("SIGUSR1 prints a report now and goes on", async () => {
    const target = await startTarget(burst);
    const running = startLeakline(["attach", String(target.pid), ...NEVER]);
    await running.said("a report every");
    await leakOnce(target);
    running.child.kill("SIGUSR1");
    await running.showed("16000 bytes outstanding in 1000 allocations");
    running.child.kill("SIGUSR1");
    await running.showed(REPORT, 2);
    running.child.kill("SIGTERM");
    const { stdout, code } = await running.finished;
    expect(code).toBe(0);
    expect(occurrences(stdout, REPORT)).toBe(3);
    expect(occurrences(stdout, FINAL)).toBe(1);
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
    "%s prints the final report and leaves with 0",
    async (signal) => {
      const target = await startTarget(burst);
      const running = startLeakline(["attach", String(target.pid), ...NEVER]);
      await running.said("a report every");
      await leakOnce(target);
      running.child.kill(signal);
      const { stdout, code } = await running.finished;
      expect(code).toBe(0);
      expect(occurrences(stdout, REPORT)).toBe(1);
      expect(stdout).toMatch(
        /final report, burst-\w+ \(\d+\): 16000 bytes outstanding in 1000 allocations from 1 stack\n/,
      );
      target.go();
      expect(await target.exited).toBe(0);
    },
  );
});

describe("keys, at a terminal", () => {
  async function attachAtTerminal(target: Target) {
    const line = `${process.execPath} ${MAIN} attach ${target.pid} -i 3600`;
    const running = startCommand(["script", "-qfec", line, "/dev/null"]);
    await running.showed("a report every");
    await leakOnce(target);
    return { running, type: (keys: string) => void running.child.stdin?.write(keys) };
  }

  test("p prints a report, q the final one", async (context) => {
    needTools(context, "script");
    const { running, type } = await attachAtTerminal(await startTarget(burst));
    type("p");
    await running.showed(REPORT);
    type("xp"); // other keys mean nothing
    await running.showed(REPORT, 2);
    type("q");
    const { stdout, code } = await running.finished;
    expect(code).toBe(0);
    expect(occurrences(stdout, REPORT)).toBe(3);
    expect(occurrences(stdout, FINAL)).toBe(1);
    expect(occurrences(stdout, "16000 bytes")).toBe(3);
  });

  test("Ctrl-C prints the final report", async (context) => {
    needTools(context, "script");
    const { running, type } = await attachAtTerminal(await startTarget(burst));
    type("\u0003");
    const { stdout, code } = await running.finished;
    expect(code).toBe(0);
    expect(occurrences(stdout, FINAL)).toBe(1);
  });
});

describe("--control-prefix", () => {
  async function attachWithPrefix(name: string) {
    const target = await startTarget(burst);
    const prefix = join(folder, name);
    const running = startLeakline(["attach", String(target.pid), ...NEVER, "--control-prefix", prefix]);
    await running.said("a report every");
    return { running, print: `${prefix}_print`, quit: `${prefix}_quit` };
  }

  test("a touched _print prints, a touched _quit ends, and both are removed", async () => {
    const { running, print, quit } = await attachWithPrefix("own");
    writeFileSync(print, "");
    await running.showed(REPORT);
    writeFileSync(print, "");
    await running.showed(REPORT, 2);
    writeFileSync(quit, "");
    const { stdout, code } = await running.finished;
    expect(code).toBe(0);
    expect(occurrences(stdout, REPORT)).toBe(3);
    expect(existsSync(print)).toBe(false);
    expect(existsSync(quit)).toBe(false);
  });

  test("another user's file and a symbolic link are ignored and left", async () => {
    const { running, print, quit } = await attachWithPrefix("foreign");
    writeFileSync(print, "");
    chownSync(print, NOBODY, NOBODY);
    const ours = join(folder, "ours");
    writeFileSync(ours, "");
    symlinkSync(ours, quit);
    await setTimeout(1000); // several times as long as it takes to notice a file
    expect(running.child.exitCode).toBeNull();
    running.child.kill("SIGTERM");
    const { stdout } = await running.finished;
    expect(occurrences(stdout, REPORT)).toBe(1);
    expect(lstatSync(print).uid).toBe(NOBODY);
    expect(lstatSync(quit).isSymbolicLink()).toBe(true);
  });
});

test("-d ends by itself, after a report at each interval", async () => {
  const target = await startTarget(burst);
  const { code, stdout } = leakline(["attach", String(target.pid), "-i", "0.5", "-d", "1.3"]);
  expect(code).toBe(0);
  // Two before the final one; fewer where the machine was too busy for the first.
  expect(occurrences(stdout, REPORT)).toBeGreaterThanOrEqual(2);
  expect(occurrences(stdout, FINAL)).toBe(1);
});

test.each([
  ["a trace", (pid: string) => ["attach", pid, "-i", "0.3"]],
  ["a long list", () => ["inspect", "symbols", process.execPath]],
])("%s ends quietly when its reader goes away", async (_what, args) => {
  const target = await startTarget(burst);
  const line = '"$@" | head -1; echo "code $PIPESTATUS"';
  const command = [process.execPath, MAIN, ...args(String(target.pid))];
  const { stdout, stderr } = spawnSync("bash", ["-c", line, "bash", ...command], { encoding: "utf8" });
  expect(stdout).toMatch(/^.*\ncode 0\n$/);
  expect(stderr).not.toMatch(/EPIPE|Error|^\s+at /m);
});

test("--json prints one object a line, and nothing else on stdout", async () => {
  const target = await startTarget(burst);
  const { stdout } = leakline(["attach", String(target.pid), "--json", "-i", "0.5", "-d", "1.3"]);
  const lines = stdout.split("\n");
  expect(lines.pop()).toBe("");
  const reports = lines.map((line) => JSON.parse(line) as JsonReport);
  expect(reports.length).toBeGreaterThanOrEqual(2);
  for (const { version, kind } of reports) expect([version, kind]).toEqual([1, "report"]);
  expect(reports.findIndex(({ final }) => final)).toBe(reports.length - 1);
});

test("two leaklines on one process are both right, also when one leaves first", async () => {
  const target = await startTarget(burst);
  const first = await traceWith(target.pid);
  const second = await traceWith(target.pid);
  await leakOnce(target);
  for (const trace of [first, second]) {
    const reports = await trace.done();
    expect(reports.at(-1)?.totals).toMatchObject(BURST);
  }
  target.go();
  expect(await target.exited).toBe(0);
});
