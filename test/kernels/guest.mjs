/**
 * Runs in a guest: `node guest.mjs PROGRAM [ARGUMENTS…]`. Starts one of test/live/programs, attaches to it, lets it work,
 * and prints one line of JSON: what the program printed, and leakline's last report.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { release } from "node:os";
import { createInterface } from "node:readline";

const folder = import.meta.dirname;
const [program, ...args] = process.argv.slice(2);
const target = spawn(`${folder}/${program}`, args, { stdio: ["pipe", "pipe", "inherit"] });
const lines = createInterface({ input: target.stdout })[Symbol.asyncIterator]();
await lines.next(); // ready
const main = `${folder}/dist/cli/main.js`;
const leakline = spawn(process.execPath, [main, "attach", String(target.pid), "--json", "-i", "3600", "-n", "1000"]);
let [stdout, stderr] = ["", ""];
leakline.stdout.on("data", (data) => {
  stdout += data;
});
const attached = new Promise((resolve) => {
  leakline.stderr.on("data", (data) => {
    stderr += data;
    if (stderr.includes("a report every")) resolve();
  });
});
await Promise.race([attached, once(leakline, "close")]);
target.stdin.write("\n");
const printed = [];
for (let line = await lines.next(); !line.done && line.value !== "done"; line = await lines.next())
  printed.push(line.value);
leakline.kill("SIGTERM");
if (leakline.exitCode === null) await once(leakline, "close");
const reports = stdout.trim().split("\n");
console.log(JSON.stringify({ kernel: release(), program, printed, report: reports.at(-1), stderr }));
process.exit(0);
