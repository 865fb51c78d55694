/** Command lines, files and addresses that make no sense: one line that says what to do, and the documented exit code. */

import { execFile, execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compileProgram, MAIN, startTarget } from "../support/live.ts";
import { temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
const self = String(process.pid);
const program = compileProgram(folder, "burst");

type Result = { code: number | null; stdout: string; stderr: string };

/** As `leakline`, but several may run at once, and one that hangs is ended and has no exit code then. */
function run(...args: string[]): Promise<Result> {
  const options = { env: { ...process.env, NO_COLOR: "1" }, timeout: 30_000, maxBuffer: 1 << 26 };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
    child.stdin?.end();
  });
}

async function expectFailure(args: readonly string[], code: number, reason: RegExp = /./): Promise<void> {
  const result = await run(...args);
  expect(result.stderr).toMatch(/^leakline: [^\n]+\n$/);
  expect(result.stderr).toMatch(reason);
  expect(result).toMatchObject({ code, stdout: "" });
}

const WRONG_LINES: readonly (readonly string[])[] = [
  ["frobnicate"],
  ["attach"],
  ["attach", "x"],
  ["attach", "0"],
  ["attach", "-1"],
  ["attach", "99999999999"],
  ["attach", self, "--frobnicate"],
  ["attach", self, "-i"],
  ["attach", self, "-i", "0"],
  ["attach", self, "-i", "-1"],
  ["attach", self, "-i", "soon"],
  ["attach", self, "-d", "0"],
  ["attach", self, "-n", "0"],
  ["attach", self, "-n", "1.5"],
  ["attach", self, "--max-blocks", "0"],
  ["attach", self, "--max-stacks", "many"],
  ["record"],
  ["record", "-p", self],
  ["record", "-o", join(folder, "never")],
  ["record", "-p", "x", "-o", join(folder, "never")],
  ["record", "-p", self, "-o", join(folder, "never"), "more"],
  ["report"],
  ["report", "a", "b"],
  ["report", "a", "--sysroot"],
  ["report", "a", "-n", "none"],
  ["symbolize"],
  ["symbolize", "nothing"],
  ["symbolize", "process"],
  ["symbolize", "process", "--pid", self],
  ["symbolize", "process", "--pid", "x", "1000"],
  ["symbolize", "process", "--pid", self, "xyz"],
  ["symbolize", "elf", "1000"],
  ["symbolize", "elf", "--path", program],
  ["symbolize", "elf", "--path", program, "0xg"],
  ["symbolize", "elf", "--path", program, ""],
  ["symbolize", "elf", "--path", program, "11112222333344445"],
  ["symbolize", "elf", "--path", program, "-1"],
  ["explain"],
  ["explain", "1000"],
  ["explain", "--pid", self],
  ["explain", "--pid", self, "--path", program, "1000"],
  ["explain", "--path", program, "1000", "2000"],
  ["explain", "--path", program, "main"],
  ["inspect"],
  ["inspect", "everything", program],
  ["inspect", "symbols"],
  ["inspect", "lines", program, program],
  ["inspect", "functions", program, "--frobnicate"],
  ["doctor", "1", "2"],
  ["doctor", "x"],
  ["demo", "now"],
];

describe.concurrent("a command line that is wrong is a usage error (2)", () => {
  test.each(WRONG_LINES.map((words) => [words.join(" "), words] as const))("%s", async (_line, words) => {
    await expectFailure(words, 2);
  });

  test("no command at all prints the help and fails", async () => {
    const { code, stdout } = await run();
    expect(code).toBe(2);
    expect(stdout).toMatch(/attach/);
  });
});

describe("addresses that are nowhere", () => {
  test("in a process have a reason, and spoil no other", async () => {
    const target = await startTarget(program);
    const { code, stdout, stderr } = await run(
      "symbolize",
      "process",
      "--pid",
      String(target.pid),
      "--json",
      "0",
      "fff",
      "ffffffffffffffff",
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const { addresses } = JSON.parse(stdout) as { addresses: { reason?: string }[] };
    expect(addresses).toHaveLength(3);
    for (const { reason } of addresses) expect(reason).toMatch(/mapp/);
    await expectFailure(["explain", "--pid", String(target.pid), "fff"], 1, /not mapped/);
  });

  test("in a file have a reason, beside those that are somewhere", async () => {
    const main = /^([0-9a-f]+) T main$/m.exec(execFileSync("nm", [program], { encoding: "utf8" }))?.[1] ?? "";
    for (const option of [[], ["--file-offset"]]) {
      const { code, stdout } = await run(
        "symbolize",
        "elf",
        "--path",
        program,
        "--json",
        ...option,
        "7fffffffffff",
        main,
      );
      expect(code).toBe(0);
      const { addresses } = JSON.parse(stdout);
      expect(addresses[0].reason).toMatch(/./);
      expect(addresses[0].frames[0].symbol).toBeUndefined();
      expect(addresses[1].frames[0].symbol).toBe("main"); // address and offset of main are the same in this program
    }
  });
});

/** Every command that reads an ELF file. */
const READERS: readonly (readonly [name: string, args: (path: string) => string[]])[] = [
  ["symbolize elf", (path) => ["symbolize", "elf", "--path", path, "1139"]],
  ["explain", (path) => ["explain", "--path", path, "1139"]],
  ["inspect symbols", (path) => ["inspect", "symbols", path]],
  ["inspect functions", (path) => ["inspect", "functions", path]],
  ["inspect lines", (path) => ["inspect", "lines", path]],
  ["inspect build-id", (path) => ["inspect", "build-id", path]],
];

describe.concurrent.each([...READERS, ["report", (path: string) => ["report", path]] as const])("%s", (_name, args) => {
  const text = join(folder, "text");
  writeFileSync(text, "#!/bin/sh\necho an ordinary script\n");
  const empty = join(folder, "empty");
  writeFileSync(empty, "");
  const fifo = join(folder, "fifo");
  spawnSync("mkfifo", [fifo]);

  test.each([
    ["a missing file", join(folder, "missing"), /no such file|not found|does not exist/i],
    ["a file of another kind", text, /not an ELF|no ELF|not a leakline recording/i],
    ["an empty file", empty, /empty|not an ELF|no ELF|not a leakline recording|truncated/i],
    ["a directory", folder, /directory/],
    ["a FIFO, without waiting for its writer", fifo, /not a regular file/],
    ["a device", "/dev/zero", /not a regular file/],
  ])("refuses %s", async (_what, path, reason) => {
    await expectFailure(args(path), 1, reason);
  });
});

describe.concurrent("a truncated ELF file", () => {
  const bytes = readFileSync(program);

  /** One line on stderr and nothing else, or an answer; never a crash. */
  async function expectSane(size: number, args: (path: string) => string[]): Promise<void> {
    const path = join(folder, `cut-${args("").slice(0, 2).join("-")}-${size}`);
    writeFileSync(path, bytes.subarray(0, size));
    const { code, stdout, stderr } = await run(...args(path));
    expect([0, 1]).toContain(code);
    for (const line of stderr.split("\n").slice(0, -1)) expect(line).toMatch(/^leakline: /);
    if (code === 1) expect(stderr.split("\n")).toHaveLength(2);
    else expect(stdout + stderr).not.toBe("");
  }

  const places = Array.from({ length: 100 }, (_, i) => Math.floor((bytes.length * i) / 100));
  const [[, symbolizeElf]] = READERS;
  test.each([0, 1, 2, 3])("is refused or answered at a hundred places (part %i)", async (part) => {
    for (const size of places.filter((_, i) => i % 4 === part)) await expectSane(size, symbolizeElf);
  });

  test.each(READERS)("is refused or answered by %s", async (_name, args) => {
    for (const size of [4, 30, 63, 64, 500, 1000, 4500, bytes.length - 2000, bytes.length - 1]) {
      await expectSane(size, args);
    }
  });
});
