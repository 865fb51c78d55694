/**
 * Programs that tests compile and run, and the tools that serve as oracles.
 */

import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** A directory of the test file's own, removed when its tests are done. Everybody may read it. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "leakline-test-"));
  execFileSync("chmod", ["755", path]);
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/**
 * Is a tool there? For `describe.skipIf(!hasTool("gcc"))`.
 *
 * @throws in CI, where a missing tool must not pass for a success.
 */
export function hasTool(name: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${name}`], { stdio: "ignore" });
    return true;
  } catch {
    return presentInCi(false, `the tool ${name}`);
  }
}

/** `present`, or in CI an error when it is false. */
export function presentInCi(present: boolean, what: string): boolean {
  if (!present && process.env.CI) throw new Error(`${what} is missing: the tests need it`);
  return present;
}

/** Compiles C source to `path` and returns the path. */
export function compile(path: string, source: string, flags: readonly string[] = [], compiler = "gcc"): string {
  writeFileSync(`${path}.c`, source);
  execFileSync(compiler, ["-O1", "-o", path, `${path}.c`, ...flags], { stdio: ["ignore", "ignore", "inherit"] });
  return path;
}

export type Running = {
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it printed up to the line `ready`. */
  readonly output: string;
};

const running: ChildProcess[] = [];

/** Starts a program and waits for its line `ready`; it is killed after the test file's last test. */
export async function start(path: string, args: readonly string[] = [], options: SpawnOptions = {}): Promise<Running> {
  // Detached: with a process group of its own, so that what it starts in turn is killed with it.
  const child = spawn(path, args, { ...options, detached: true, stdio: ["ignore", "pipe", "inherit"] });
  running.push(child);
  let output = "";
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${path} ended with ${code}: ${output}`)));
    child.stdout?.on("data", (data: Buffer) => {
      output += data.toString();
      if (output.endsWith("ready\n")) resolve();
    });
  });
  return { pid: child.pid as number, child, output: output.slice(0, -"ready\n".length) };
}

/** Ends a program and waits until it is gone. */
export async function stop({ child }: Running): Promise<void> {
  const gone = new Promise((resolve) => child.once("exit", resolve));
  killGroup(child);
  await gone;
}

/** Call once a test file: kills what `start` started. */
export function killStartedPrograms(): void {
  afterAll(() => {
    for (const child of running) killGroup(child);
  });
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-(child.pid as number), "SIGKILL");
  } catch {
    // All of it has ended.
  }
}

/** A program that prints `ready` and waits. */
export const WAITING = `
#include <stdio.h>
#include <unistd.h>
int main(void) { puts("ready"); fflush(stdout); pause(); return 0; }
`;
