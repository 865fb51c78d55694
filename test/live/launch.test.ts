/** A launched command and the process that launched it: what becomes of one when something happens to the other. */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { ROOT } from "../support/live.ts";
import { needTools, temporaryDirectory } from "../support/oracle.ts";

/** Launches the command of its arguments, says its PID, lets it go when told to on stdin or by `now`, says how it ended. */
const DRIVER = `
import { launchWaiting, exitStatus } from ${JSON.stringify(join(ROOT, "dist", "process", "launch.js"))};
const [when, ...words] = process.argv.slice(2);
process.on("SIGINT", () => console.log("driver interrupted"));
const launched = await launchWaiting(words, { env: process.env, cwd: process.cwd() });
console.log("launched " + launched.pid);
if (when === "now") launched.go();
const end = await launched.ended;
console.log("ended " + exitStatus(end));
`;

function driverIn(folder: string): string {
  const path = join(folder, "driver.mjs");
  writeFileSync(path, DRIVER);
  return path;
}

test("a launcher that is killed before it lets go takes the command with it, unexecuted", async () => {
  const folder = temporaryDirectory();
  const driver = spawn(process.execPath, [driverIn(folder), "never", "touch", "ran"], { cwd: folder });
  const [line] = await once(driver.stdout, "data");
  const pid = /^launched (\d+)/.exec(String(line))?.[1];
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  driver.kill("SIGKILL");
  while (existsSync(`/proc/${pid}`)) await setTimeout(10);
  expect(existsSync(join(folder, "ran"))).toBe(false);
});

test("the command has the soft limit of open files that its launcher was started with", () => {
  const folder = temporaryDirectory();
  const limits = (command: string): string =>
    spawnSync("bash", ["-c", `ulimit -S -n 777; ${command}; true`], { encoding: "utf8" }).stdout;
  const read = "sh -c 'ulimit -S -n; ulimit -H -n'";
  expect(limits(`node ${driverIn(folder)} now ${read}`)).toContain(`\n${limits(read)}`);
});

test("Ctrl-C reaches the command and its launcher, which sees how the command ends by it", (context) => {
  needTools(context, "python3");
  const folder = temporaryDirectory();
  const command = ["sh", "-c", "trap 'echo command interrupted; exit 5' INT; echo ready; while :; do sleep 0.1; done"];
  // A terminal of its own; the driver's first words come back, then Ctrl-C is typed.
  const terminal = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
seen = b""
while b"ready" not in seen: seen += os.read(fd, 4096)
os.write(fd, b"\\x03")
try:
    while True: seen += os.read(fd, 4096)
except OSError: pass
print(seen.decode())
`;
  const words = [process.execPath, driverIn(folder), "now", ...command];
  const { stdout } = spawnSync("python3", ["-c", terminal, ...words], { encoding: "utf8", timeout: 30_000 });
  expect(stdout).toContain("driver interrupted");
  expect(stdout).toContain("command interrupted");
  expect(stdout).toContain("ended 5");
});
