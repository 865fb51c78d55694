/** Unwind tables that `leakline prepare` made beforehand, as on a small device. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compileProgram, type Finished, leakline, startLeakline, startTarget } from "../support/live.ts";
import { hasTool, temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
const FLAGS = ["-g", "-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls", "-Wl,--build-id"];

/** Records the program's steps; gives the functions of the stack with one block of 111 bytes, and what was said. */
async function recordChain(program: string, args: readonly string[]): Promise<{ names: string[]; said: Finished }> {
  const path = join(mkdtempSync(join(folder, "run-")), "recording");
  const target = await startTarget(program);
  const running = startLeakline(["record", "-p", String(target.pid), "-o", path, "-i", "3600", ...args]);
  await running.said("Ctrl-C ends");
  target.go();
  await target.line();
  running.child.kill("SIGTERM");
  const said = await running.finished;
  const { stdout } = leakline(["report", path, "--json", "-n", "1000"]);
  const stack = JSON.parse(stdout).stacks.find(({ bytes }: { bytes: number }) => bytes === 111);
  return { names: stack.frames.map(({ symbol }: { symbol?: string }) => symbol), said };
}

/** @returns a folder with the tables of everything that the program maps. */
async function prepareFor(program: string): Promise<string> {
  const tables = mkdtempSync(join(folder, "tables-"));
  const target = await startTarget(program);
  expect(leakline(["prepare", "-p", String(target.pid), "-o", tables]).code).toBe(0);
  return tables;
}

describe.skipIf(!hasTool("objcopy"))("a program that has lost its .eh_frame", () => {
  /** The program, and a copy without tables: addresses and build ID are the same. */
  function twins(): { whole: string; stripped: string } {
    const whole = compileProgram(folder, "chain", FLAGS);
    const stripped = `${whole}.stripped`;
    execFileSync("objcopy", ["--remove-section=.eh_frame", "--remove-section=.eh_frame_hdr", whole, stripped]);
    return { whole, stripped };
  }

  test("has whole stacks by its prepared table, and short ones without", async () => {
    const { whole, stripped } = twins();
    const tables = await prepareFor(whole);
    const { names, said } = await recordChain(stripped, ["--unwind-dir", tables]);
    expect(names.slice(0, 4)).toEqual(["plain3", "plain2", "plain1", "main"]);
    expect(names.at(-1)).toBe("_start");
    expect(said.stderr).not.toContain("unwind table");
    expect((await recordChain(stripped, [])).names).not.toContain("main");
  });

  test("gets a warning for each damaged table; the others are compiled here", async () => {
    const { whole, stripped } = twins();
    const tables = await prepareFor(whole);
    const files = readdirSync(tables);
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      const bytes = readFileSync(join(tables, file));
      bytes[bytes.length >> 1] ^= 1;
      writeFileSync(join(tables, file), bytes);
    }
    expect((await recordChain(stripped, ["--unwind-dir", tables])).names).not.toContain("main");
    const { names, said } = await recordChain(whole, ["--unwind-dir", tables]);
    expect(names.slice(0, 4)).toEqual(["plain3", "plain2", "plain1", "main"]);
    expect(said.stderr.match(/its prepared unwind table is not used: .*checksum/g)).toHaveLength(files.length);
  });
});

test("a folder that is not there is an error, before anything is attached", async () => {
  const target = await startTarget(compileProgram(folder, "chain", FLAGS));
  const path = join(folder, "nothing");
  const result = leakline(["record", "-p", String(target.pid), "-o", path, "--unwind-dir", join(folder, "missing")]);
  expect(result.code).toBe(1);
  expect(result.stderr).toMatch(/^leakline: [^\n]*missing: no such folder \(leakline prepare makes one\)\n$/);
});
