/** The command that npm installs: a script that starts Node, from wherever it is linked to. */

import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { needTools } from "../../test/support/oracle.ts";
import { temporaryDirectory } from "../../test/support/programs.ts";

const SOURCE = join(import.meta.dirname, "leakline.sh");
const folder = join(temporaryDirectory(), "a folder, with $words");
const command = join(folder, "leakline");
const link = join(dirname(folder), "linked");

mkdirSync(folder);
copyFileSync(SOURCE, command);
chmodSync(command, 0o755);
symlinkSync(command, link);
writeFileSync(
  join(folder, "main.js"),
  "console.log(JSON.stringify([process.ppid, process.execArgv, process.argv.slice(2)])); process.exitCode = 3;",
);

const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
const WORDS = ["report", "two words", "", "$(id)", "*", "--json"];

const WAYS = [[link], ["sh", link], ["bash", link], ["busybox", "sh", link]];

test.for(WAYS)("%s %s %s starts Node in its place, with the words as they are", ([program, ...before], context) => {
  needTools(context, program);
  const given = { encoding: "utf8", env: { PATH }, cwd: "/" } as const;
  const { status, stdout, stderr } = spawnSync(program, [...before, ...WORDS], given);
  expect(stderr).toBe("");
  expect(status).toBe(3);
  expect(JSON.parse(stdout)).toEqual([process.pid, ["--v8-pool-size=1"], WORDS]);
});

test("without node on PATH it says what to do", () => {
  // The shell's own commands are all that it needs until then.
  const { status, stdout, stderr } = spawnSync("/bin/sh", [link], { encoding: "utf8", env: { PATH: folder } });
  expect(status).toBe(127);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^leakline: no node on PATH; install Node\.js, .*sudo env "PATH=\$PATH" leakline/);
});
