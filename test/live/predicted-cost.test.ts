/**
 * What doctor says tracing will cost: that it says it, what must be more than what, and that the process it is said of
 * stays as it was. How many nanoseconds it is, no test can know; `npm run bench` prints both beside each other.
 */

import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import {
  compileProgram,
  leakline,
  MAIN,
  startCommand,
  startLeakline,
  startTarget,
  type Target,
} from "../support/live.ts";
import { needTools } from "../support/oracle.ts";
import { temporaryDirectory } from "../support/programs.ts";
import { installFor, runAsNobody } from "../support/unprivileged.ts";

const folder = temporaryDirectory();

type Cost = {
  emulated: number;
  outOfLine: number;
  atReturn: number;
  account: number;
  frame: number;
  placement: { malloc: string; free: string };
  pair: { frames: number; cost: number }[];
};

function predict({ pid }: Target): Cost {
  const { code, stdout } = leakline(["doctor", String(pid), "--json"]);
  expect(code).toBe(0);
  return JSON.parse(stdout).cost;
}

/** The executable code of the C library in a process's memory: what a uprobe writes a breakpoint into. */
function libraryCode(pid: number): Buffer {
  const line = /^([0-9a-f]+)-([0-9a-f]+) r-xp .*\/libc\.so\.6$/m.exec(readFileSync(`/proc/${pid}/maps`, "utf8"));
  const [start, end] = line!.slice(1).map((part) => Number.parseInt(part, 16));
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    const code = Buffer.alloc(end - start);
    expect(readSync(memory, code, 0, code.length, start)).toBe(code.length);
    return code;
  } finally {
    closeSync(memory);
  }
}

describe("doctor", () => {
  test("says what a pair will cost, and more for deeper stacks", async () => {
    const target = await startTarget(compileProgram(folder, "burst"));
    const { code, stdout } = leakline(["doctor", String(target.pid)]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^ok +cost +about [\d.]+ to [\d.]+ µs for each malloc and its free.*% of a processor more$/m,
    );

    const cost = predict(target);
    // glibc's malloc and free both have an instruction near the entry that the kernel emulates.
    expect(cost.placement).toEqual({ malloc: "emulated", free: "emulated" });
    // One trap, or two.
    expect(cost.outOfLine).toBeGreaterThan(cost.emulated);
    for (const part of [cost.emulated, cost.atReturn, cost.account, cost.frame]) expect(part).toBeGreaterThan(0);
    const [short, long] = cost.pair;
    expect(long.frames).toBeGreaterThan(short.frames);
    expect(long.cost).toBeGreaterThan(short.cost);
  });

  test("warns of an allocator that offers no cheap place", async () => {
    const target = await startTarget(compileProgram(folder, "dear-malloc"));
    const { stdout } = leakline(["doctor", String(target.pid)]);
    expect(stdout).toMatch(/^warn cost .*a probe in its malloc and free costs \d+ times the usual$/m);
    expect(predict(target).placement).toEqual({ malloc: "out of line", free: "out of line" });
  });

  test("never touches the process", async () => {
    const target = await startTarget(compileProgram(folder, "burst"));
    const before = libraryCode(target.pid);
    const doctor = startCommand([process.execPath, MAIN, "doctor", String(target.pid)]);
    let running = true;
    const finished = doctor.finished.finally(() => {
      running = false;
    });
    let looks = 0;
    for (; running; looks++) {
      expect(libraryCode(target.pid).equals(before)).toBe(true);
      await setTimeout(5);
    }
    expect((await finished).stdout).toContain("cost");
    expect(looks).toBeGreaterThan(10);

    // A trace does: so this would have been seen.
    const trace = startLeakline(["attach", String(target.pid), "-i", "3600"]);
    await trace.said("a report every");
    expect(libraryCode(target.pid).equals(before)).toBe(false);
  });

  test("says without privilege why it cannot tell", async (context) => {
    needTools(context, "setpriv");
    const main = installFor(temporaryDirectory());
    const target = await startTarget(compileProgram(folder, "burst"));
    const { stdout } = runAsNobody([process.execPath, main, "doctor", String(target.pid)]);
    expect(stdout).toMatch(/^warn cost +not predicted: .*what is marked no$/m);
  });
});
