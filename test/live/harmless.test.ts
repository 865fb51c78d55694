/** What leakline must never do: hurt its target, or leave something behind in the kernel. */

import { spawnSync } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { compileProgram, leakline, startLeakline, startTarget, type Target } from "../support/live.ts";
import { needTools, run } from "../support/oracle.ts";
import { temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
const churn = compileProgram(folder, "churn", ["-g", "-O1"]);

type KernelObjects = { progs: number[]; links: number[] };

/** IDs of the programs and links in the kernel, leakline's and all others. */
function kernelObjects(): KernelObjects {
  const ids = (kind: string) =>
    (JSON.parse(run("bpftool", "-j", kind, "list")) as { id: number }[]).map(({ id }) => id);
  return { progs: ids("prog"), links: ids("link") };
}

/** Those that have come since `before` and that no living process holds: somebody else may use eBPF meanwhile. */
function leftBehind(before: KernelObjects): KernelObjects {
  const now = kernelObjects();
  const held = heldByProcesses();
  return {
    progs: now.progs.filter((id) => !before.progs.includes(id) && !held.has(`prog_id ${id}`)),
    links: now.links.filter((id) => !before.links.includes(id) && !held.has(`link_id ${id}`)),
  };
}

const NOTHING: KernelObjects = { progs: [], links: [] };

/** `prog_id N` and `link_id N` of the file descriptors of all processes, or of one. */
function heldByProcesses(pid: string | number = "[0-9]*"): Set<string> {
  const line = `grep -hsE '^(prog|link)_id' /proc/${pid}/fdinfo/*`;
  const found = spawnSync("sh", ["-c", line], { encoding: "utf8" });
  return new Set(found.stdout.split("\n").map((line) => line.replace(":\t", " ")));
}

/** The program checks all its blocks; it must end by itself, and have found nothing wrong. */
async function expectUnharmed(target: Target): Promise<void> {
  target.go();
  expect(await target.line()).toBe("wrong 0");
  target.go();
  expect(await target.exited).toBe(0);
}

/** Attaches, and kills leakline somewhere in the attach or the trace. */
async function killAfter(milliseconds: number, pid: number, args: readonly string[]): Promise<void> {
  const running = startLeakline(["attach", String(pid), "-i", "0.1", ...args]);
  await setTimeout(milliseconds);
  running.child.kill("SIGKILL");
  await running.finished;
}

describe.each([
  ["uprobe-multi", [], 5],
  ["single perf uprobes, whose detaching takes seconds", ["--single-probes"], 1],
])("a target under load, with %s", (_name, args, detachings) => {
  test("survives leakline being killed twenty times, and nothing stays in the kernel", async (context) => {
    needTools(context, "bpftool");
    const before = kernelObjects();
    const target = await startTarget(churn);
    // From the middle of the attach to some reports later.
    for (let i = 0; i < 20; i++) await killAfter(150 + i * 40, target.pid, args);
    await expect.poll(() => leftBehind(before), { timeout: 15_000 }).toEqual(NOTHING);
    await expectUnharmed(target);
  });

  test("survives detaching", async () => {
    const target = await startTarget(churn);
    for (let i = 0; i < detachings; i++) {
      const { code } = leakline(["attach", String(target.pid), "-i", "0.1", "-d", "0.4", ...args]);
      expect(code).toBe(0);
    }
    await expectUnharmed(target);
  });
});

test("while leakline traces, its programs are in the kernel, and afterwards they are not", async (context) => {
  needTools(context, "bpftool");
  const before = kernelObjects();
  const target = await startTarget(churn);
  const running = startLeakline(["attach", String(target.pid)]);
  await running.said("a report every");
  const held = heldByProcesses(running.child.pid);
  const isHeld = (id: number) => held.has(`prog_id ${id}`);
  expect(kernelObjects().progs.filter(isHeld).length).toBeGreaterThanOrEqual(2);
  running.child.kill("SIGTERM");
  expect((await running.finished).code).toBe(0);
  await expect.poll(() => leftBehind(before), { timeout: 15_000 }).toEqual(NOTHING);
  expect(kernelObjects().progs.filter(isHeld)).toEqual([]);
  await expectUnharmed(target);
});

test("a stopped process can be attached to, is reported, and goes on afterwards", async () => {
  const target = await startTarget(compileProgram(folder, "burst"));
  target.child.kill("SIGSTOP");
  const running = startLeakline(["attach", String(target.pid), "-i", "3600"]);
  await running.said("a report every");
  running.child.kill("SIGUSR1");
  await running.showed("0 bytes outstanding");
  target.child.kill("SIGCONT");
  target.go();
  await target.line();
  target.child.kill("SIGSTOP");
  running.child.kill("SIGTERM");
  const { stdout, code } = await running.finished;
  expect(code).toBe(0);
  // Its own stack: stopped early enough, it allocates the buffer of its stdin under our eyes too.
  const final = stdout.slice(stdout.indexOf("final report"));
  expect(final).toMatch(/total_size=16000 nr_allocs=1000\n {2}0 .* main\+0x/);
  target.child.kill("SIGCONT");
  target.go();
  expect(await target.exited).toBe(0);
});
