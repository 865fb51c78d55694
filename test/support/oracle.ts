/**
 * The tools that tests compare with: run them, and skip what cannot be compared where they are not installed.
 *
 * In CI nothing is skipped: there, a missing tool fails the test that needs it.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { onTestFinished, type TestContext } from "vitest";

/** Skips the test, or fails it in CI, unless every tool (a program in PATH, or an absolute path) is there. */
export function needTools(context: TestContext, ...tools: string[]): void {
  const folders = (process.env.PATH ?? "").split(delimiter);
  for (const tool of tools) {
    if (tool.startsWith("/") ? existsSync(tool) : folders.some((folder) => existsSync(join(folder, tool)))) continue;
    if (process.env.CI) throw new Error(`${tool} is needed in CI and not installed`);
    context.skip(`${tool} is not installed`);
  }
}

/** What a tool prints, in the C locale. Its complaints on stderr are dropped. */
export function run(tool: string, ...args: string[]): string {
  return execFileSync(tool, args, {
    encoding: "utf8",
    maxBuffer: 1 << 30,
    env: { ...process.env, LC_ALL: "C" },
    stdio: ["ignore", "pipe", "ignore"],
  });
}

/** Gives a tool bytes on stdin and returns the bytes that it prints. */
export function pipe(input: Uint8Array, tool: string, ...args: string[]): Uint8Array {
  return execFileSync(tool, args, { input, maxBuffer: 1 << 30, stdio: ["pipe", "pipe", "pipe"] });
}

/** Whether a tool accepts these arguments: for options that came with a later version. */
export function succeeds(tool: string, ...args: string[]): boolean {
  return spawnSync(tool, args, { stdio: "ignore" }).status === 0;
}

/** A directory that is removed when the test has finished. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "leakline-test-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
