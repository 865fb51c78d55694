/**
 * The life of a target: from its first instruction, several at a time, children, programs that execute others, that open
 * an allocator later, that live in a container. What must be there is known from the programs' sources.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  compileProgram,
  type JsonReport,
  leakline,
  MAIN,
  startLeakline,
  startTarget,
  totalsOf,
  traceWith,
} from "../support/live.ts";
import { run } from "../support/oracle.ts";
import { temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
const WITHOUT_FRAME_POINTERS = ["-g", "-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls"];

function lastReport(stdout: string): JsonReport {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) as string) as JsonReport;
}

function outermost(report: JsonReport, symbol: string): (string | undefined)[] {
  const stacks = report.stacks.filter(({ frames }) => frames.some((frame) => frame.symbol === symbol));
  return stacks.map(({ frames }) => frames.at(-1)?.symbol);
}

describe("run", () => {
  test("accounts a program from before main, with whole stacks, though it lives for a millisecond", () => {
    const program = compileProgram(folder, "early", WITHOUT_FRAME_POINTERS);
    const { code, stdout, stderr } = leakline(["run", "--json", "-n", "100", "--", program]);
    const report = lastReport(stdout);
    expect(totalsOf(report, "leak_early")).toEqual({ bytes: 321, blocks: 1 });
    expect(totalsOf(report, "leak_in_main")).toEqual({ bytes: 123, blocks: 1 });
    // The dynamic linker calls constructors from its own start, main is called from _start.
    expect(outermost(report, "leak_early")).toEqual(["_start"]);
    expect(outermost(report, "leak_in_main")).toEqual(["_start"]);
    expect(stderr).toContain("the process exited");
    expect(code).toBe(5);
  });

  test("a static program, and one that a script starts with exec", () => {
    const program = compileProgram(folder, "early", [...WITHOUT_FRAME_POINTERS, "-static"]);
    const report = lastReport(leakline(["run", "--json", "--", program]).stdout);
    expect(totalsOf(report, "leak_early")).toEqual({ bytes: 321, blocks: 1 });

    const script = join(folder, "start.sh");
    writeFileSync(script, `#!/bin/sh\nexec "$1"\n`, { mode: 0o755 });
    const dynamic = compileProgram(folder, "early", WITHOUT_FRAME_POINTERS);
    const scripted = lastReport(leakline(["run", "--json", "--", script, dynamic]).stdout);
    expect(scripted.stacks.map(({ bytes }) => bytes)).toEqual(expect.arrayContaining([321, 123]));
  });

  test("what the shell before it, and the program that it executed before, have left is not listed", () => {
    const program = compileProgram(folder, "early", WITHOUT_FRAME_POINTERS);
    for (const args of [["exec"], ["exec", "thread"]]) {
      const report = lastReport(leakline(["run", "--json", "-n", "100", "--no-mmap", "--", program, ...args]).stdout);
      expect(totalsOf(report, "leak_before_exec")).toEqual({ bytes: 0, blocks: 0 });
      if (args.length === 1) expect(totalsOf(report, "leak_in_main")).toEqual({ bytes: 123, blocks: 1 });
    }
  });

  test("a command that is not there starts nothing and says so", () => {
    const { code, stderr } = leakline(["run", "--", "/no/such/program"]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("/no/such/program");
  });
});

test("two processes at a time: each with its own account, also when one of them ends", async () => {
  const program = compileProgram(folder, "account");
  const [one, other] = [await startTarget(program), await startTarget(program)];
  const trace = await traceWith(one.pid, [String(other.pid), "--no-mmap"]);
  one.go();
  await one.line();
  one.go();
  await one.exited;
  other.go();
  await other.line();
  const report = (await trace.done()).at(-1) as JsonReport;
  const bytesOf = (pid: number, symbol: string): number =>
    report.stacks
      .filter((stack) => stack.pid === pid && stack.frames.some((frame) => frame.symbol === symbol))
      .reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { pid } of [one, other]) {
    expect(bytesOf(pid, "leak_malloc")).toBe(101);
    expect(bytesOf(pid, "realloc_shrinks")).toBe(300);
    expect(bytesOf(pid, "no_leak_malloc")).toBe(0);
  }
});

test("--name finds the process, --children those that it starts", async () => {
  const program = compileProgram(folder, "account");
  const name = program.split("/").at(-1) as string;
  const one = await startTarget(program);
  const running = startLeakline(["attach", "--name", name, "--json", "-i", "3600", "-n", "1000"]);
  await running.said("a report every");
  one.go();
  await one.line();
  running.child.kill("SIGTERM");
  expect(totalsOf(lastReport((await running.finished).stdout), "leak_malloc")).toEqual({ bytes: 101, blocks: 1 });

  // A shell that starts the program a second time, a while after the attach.
  const shell = spawn("sh", ["-c", `read go; "$0"; read go`, program], { stdio: ["pipe", "pipe", "inherit"] });
  await once(shell, "spawn");
  const parent = startLeakline(["attach", String(shell.pid), "--children", "--json", "-i", "3600", "-n", "1000"]);
  await parent.said("a report every");
  shell.stdin.write("\n");
  await once(shell.stdout, "data");
  await parent.said(`attached to ${name.slice(0, 15)}`);
  shell.stdin.write("\n");
  await once(shell.stdout, "data");
  parent.child.kill("SIGTERM");
  const report = lastReport((await parent.finished).stdout);
  shell.kill("SIGKILL");
  expect(totalsOf(report, "leak_malloc")).toEqual({ bytes: 101, blocks: 1 });
});

test("an allocator that is opened later is accounted from then on", async () => {
  const library = run("sh", "-c", "ls /usr/lib/*-linux-gnu/libmimalloc.so.2.0").trim();
  const target = await startTarget(compileProgram(folder, "second-allocator", ["-g", "-O0", "-ldl"]), [library]);
  const trace = await traceWith(target.pid, ["--no-mmap"]);
  target.go();
  await target.line();
  await trace.running.said("has opened another allocator");
  target.go();
  await target.line();
  const report = (await trace.done()).at(-1) as JsonReport;
  const sizes = report.stacks.map(({ bytes, blocks }) => [bytes, blocks]);
  expect(sizes).toContainEqual([5000, 5]);
  expect(sizes).toContainEqual([17, 1]);
});

test("a process in a container: its own root with its own C library, its own process ids", async () => {
  const root = join(folder, "root");
  const program = compileProgram(folder, "account");
  const files = [...run("sh", "-c", `ldd ${program}`).matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path);
  for (const path of [...files, program]) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
  const args = ["--mount", "--pid", "--fork", "--root", root, program];
  const container = spawn("unshare", args, { stdio: ["pipe", "pipe", "inherit"] });
  await once(container.stdout, "data");
  const pid = Number(run("pgrep", "-P", String(container.pid)));
  const trace = await traceWith(pid);
  container.stdin.write("\n");
  await once(container.stdout, "data");
  const report = (await trace.done()).at(-1) as JsonReport;
  container.kill("SIGKILL");
  process.kill(pid, "SIGKILL");
  expect(totalsOf(report, "leak_malloc")).toEqual({ bytes: 101, blocks: 1 });
  expect(totalsOf(report, "map_moved")).toEqual({ bytes: 64 * 4096, blocks: 1 });
  expect(outermost(report, "leak_malloc")).toEqual(["_start"]);
});

test("leakline in a PID namespace of its own follows its target through an exec", async () => {
  const program = compileProgram(folder, "early", WITHOUT_FRAME_POINTERS);
  const args = ["--pid", "--fork", "--mount-proc", process.execPath, MAIN, "run", "--json", "-n", "100", "--", program];
  const inside = spawn("unshare", [...args, "exec"], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  inside.stdout.on("data", (data) => {
    stdout += data;
  });
  await once(inside, "close");
  const report = lastReport(stdout);
  expect(totalsOf(report, "leak_before_exec")).toEqual({ bytes: 0, blocks: 0 });
  expect(totalsOf(report, "leak_in_main")).toEqual({ bytes: 123, blocks: 1 });
  await setTimeout(0);
});
