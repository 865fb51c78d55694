/** Processes that cannot or must not be traced: one clear line, the documented exit code, and doctor says the same. */

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import {
  compileProgram,
  type JsonReport,
  leakline,
  MAIN,
  startLeakline,
  startTarget,
  startTutorial,
  totalsOf,
  traceWith,
} from "../support/live.ts";
import { needTools } from "../support/oracle.ts";
import { temporaryDirectory } from "../support/programs.ts";
import { installFor, runAsNobody } from "../support/unprivileged.ts";

const folder = temporaryDirectory();
const NO_PROCESS = "2147480000";
const STACK_TRACE = /^\s+at .*:\d+/m;

/** `stderr` is one line that begins with our name. */
function expectOneLine(stderr: string): void {
  expect(stderr).toMatch(/^leakline: [^\n]+\n$/);
}

/** The process is refused by every command that would look at it, and doctor gives the same reason. */
function expectRefused(pid: number | string, code: number, reason: RegExp): void {
  const attach = leakline(["attach", String(pid), "-d", "1"]);
  expect(attach.stderr).toMatch(reason);
  expectOneLine(attach.stderr);
  expect({ code: attach.code, stdout: attach.stdout }).toEqual({ code, stdout: "" });
  const doctor = leakline(["doctor", String(pid)]);
  expect(doctor.code).toBe(1);
  expect(doctor.stdout).toMatch(/^no /m);
  expect(doctor.stdout).toMatch(reason);
  expect(doctor.stdout).toMatch(/not ready/);
  expect(doctor.stderr).toBe("");
}

describe("a process that is not there", () => {
  test("is target-gone (4)", () => {
    expectRefused(NO_PROCESS, 4, /no process 2147480000/);
  });

  test.each([
    ["record", ["record", "-o", join(folder, "never"), "-p", NO_PROCESS]],
    ["symbolize process", ["symbolize", "process", "--pid", NO_PROCESS, "1000"]],
    ["explain", ["explain", "--pid", NO_PROCESS, "1000"]],
  ])("is target-gone for %s too", (_command, args) => {
    const { code, stderr } = leakline(args);
    expect(code).toBe(4);
    expectOneLine(stderr);
  });

  test("a zombie is one, and says so", async () => {
    const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 100"], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      const { value: pid } = await createInterface({ input: parent.stdout })[Symbol.asyncIterator]().next();
      const state = (): string => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1][0];
      await expect.poll(state, { timeout: 10_000 }).toBe("Z");
      expectRefused(pid, 4, /zombie/);
    } finally {
      parent.kill("SIGKILL");
    }
  });

  test("one that exits while we attach gives a report or target-gone, never a crash", async () => {
    const program = compileProgram(folder, "burst");
    const begin = performance.now();
    await (await traceWith((await startTarget(program)).pid)).done();
    const attachTime = performance.now() - begin;
    for (let i = 0; i < 20; i++) {
      const target = await startTarget(program);
      const running = startLeakline(["attach", String(target.pid), "-i", "3600"]);
      await setTimeout((attachTime * i) / 15); // from the very beginning to a little after the attach
      target.child.kill("SIGKILL");
      const { code, stdout, stderr } = await running.finished;
      expect([0, 4]).toContain(code);
      expect(stdout.includes("final report")).toBe(code === 0);
      expect(stderr).not.toMatch(STACK_TRACE);
      if (code === 4) expectOneLine(stderr);
    }
  });
});

test("a process that exits while it is traced gets its final report, and 0", async () => {
  const target = await startTarget(compileProgram(folder, "burst"));
  const running = startLeakline(["attach", String(target.pid), "--json", "-i", "3600"]);
  await running.said("a report every");
  target.go();
  await target.line();
  target.go();
  expect(await target.exited).toBe(0);
  const { stdout, stderr, code } = await running.finished;
  expect(code).toBe(0);
  expect(stderr).toMatch(/the process exited/);
  const report = JSON.parse(stdout) as JsonReport;
  expect(report.final).toBe(true);
  expect(report.totals).toMatchObject({ bytes: 16_000, blocks: 1000 });
  expect(report.stacks[0].frames[0].symbol).toBe("main");
});

test("a kernel thread is refused", (context) => {
  const isKernelThread = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/status`, "utf8").includes("\nKthread:\t1");
    } catch {
      return false;
    }
  };
  const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && isKernelThread(name));
  if (pid === undefined) return context.skip("no kernel thread is to be seen from here");
  expectRefused(pid, 1, /kernel thread/);
});

test("a Go program is refused", async () => {
  const program = compileProgram(folder, "burst");
  execFileSync("objcopy", ["--add-section", `.go.buildinfo=${MAIN}`, program]);
  const target = await startTarget(program);
  expectRefused(target.pid, 1, /Go program/);
  target.go();
  await target.line();
  target.go();
  expect(await target.exited).toBe(0);
});

describe("statically linked programs", () => {
  test("are traced by the malloc inside them", async () => {
    const target = await startTarget(compileProgram(folder, "account", ["-g", "-O0", "-static"]));
    const doctor = leakline(["doctor", String(target.pid)]);
    expect(doctor.stdout).toMatch(/^ok {3}allocator .*malloc/m);
    const trace = await traceWith(target.pid);
    target.go();
    await target.line();
    const report = (await trace.done()).at(-1) as JsonReport;
    // programs/account.c
    expect(totalsOf(report, "leak_malloc")).toEqual({ bytes: 101, blocks: 1 });
    expect(totalsOf(report, "leak_calloc")).toEqual({ bytes: 77, blocks: 1 });
    expect(totalsOf(report, "realloc_shrinks")).toEqual({ bytes: 300, blocks: 1 });
    expect(totalsOf(report, "no_leak_malloc")).toEqual({ bytes: 0, blocks: 0 });
  });

  test("are refused when their malloc has no name", async () => {
    const target = await startTarget(compileProgram(folder, "burst", ["-static", "-s"]));
    expectRefused(target.pid, 1, /no (malloc|allocator)/);
  });

  test("are refused when they have no allocator at all", async () => {
    const target = await startTarget(compileProgram(folder, "bare", ["-nostdlib", "-static", "-ffreestanding"]));
    expectRefused(target.pid, 1, /no (malloc|allocator)/);
  });
});

describe("without privilege", () => {
  let main: string;
  beforeAll(() => {
    main = installFor(temporaryDirectory());
  });

  test("another user's process is refused (3), and the hint says what to do", async (context) => {
    needTools(context, "setpriv");
    const { pid } = await startTutorial(folder);
    const attach = runAsNobody([process.execPath, main, "attach", String(pid), "-d", "1"]);
    expect(attach.stderr).toMatch(/permission denied.*root.*sudo/);
    expectOneLine(attach.stderr);
    expect({ code: attach.status, stdout: attach.stdout }).toEqual({ code: 3, stdout: "" });
    const doctor = runAsNobody([process.execPath, main, "doctor", String(pid)]);
    expect(doctor.status).toBe(1);
    expect(doctor.stdout).toMatch(/^no .*privilege/m);
    expect(doctor.stdout).toMatch(/^no .*process/m);
  });

  test("the user's own process is refused (3) as well: eBPF needs privilege", (context) => {
    needTools(context, "setpriv");
    const line = '"$@" attach $$ -d 1';
    const attach = runAsNobody(["sh", "-c", line, "sh", process.execPath, main]);
    expect(attach.stderr).toMatch(/sudo/);
    expectOneLine(attach.stderr);
    expect(attach.status).toBe(3);
  });

  test("files are symbolized all the same", (context) => {
    needTools(context, "setpriv");
    const { status, stdout } = runAsNobody([process.execPath, main, "inspect", "build-id", process.execPath]);
    const notes = execFileSync("readelf", ["-n", process.execPath], { encoding: "utf8" });
    const buildId = /Build ID: ([0-9a-f]+)/.exec(notes)?.[1];
    if (buildId === undefined) expect(status).toBe(1);
    else expect(stdout).toBe(`${buildId}\n`);
  });
});

describe("without libbpf", () => {
  /** Runs leakline where libbpf.so.1 is an empty file: in a mount namespace of its own. */
  function withoutLibbpf(...args: string[]) {
    const cache = execFileSync("/sbin/ldconfig", ["-p"], { encoding: "utf8" });
    const library = realpathSync(/libbpf\.so\.1 .*=> (\S+)/.exec(cache)?.[1] ?? "");
    const empty = join(folder, "empty");
    writeFileSync(empty, "");
    const line = 'mount --bind "$0" "$1" && shift && exec "$@"';
    const words = ["-m", "sh", "-c", line, empty, library, process.execPath, MAIN, ...args];
    return spawnSync("unshare", words, { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } });
  }

  test("attach and doctor say so, and what to install", async () => {
    const { pid } = await startTutorial(folder);
    const attach = withoutLibbpf("attach", String(pid), "-d", "1");
    expect(attach.status).toBe(1);
    expect(attach.stderr).toMatch(/libbpf\.so\.1.*install/);
    expectOneLine(attach.stderr);
    const doctor = withoutLibbpf("doctor", String(pid));
    expect(doctor.status).toBe(1);
    expect(doctor.stdout).toMatch(/^no {3}libbpf .*libbpf\.so\.1.*\n.*install/m);
  });

  test("symbolizing works all the same", async () => {
    const program = compileProgram(folder, "burst");
    const address = /^([0-9a-f]+) T main$/m.exec(execFileSync("nm", [program], { encoding: "utf8" }))?.[1] ?? "";
    const { status, stdout } = withoutLibbpf("symbolize", "elf", "--path", program, address);
    expect(status).toBe(0);
    expect(stdout).toMatch(/: main @ /);
  });
});
