/** What leakline takes of the machine while it traces: memory and processor time, beside Node doing nothing. */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { COMMAND, ROOT } from "../scripts/setup.mjs";
import { table } from "./measure.mjs";

const NOTHING = "process.stdout.write('ready\\n'); setInterval(() => {}, 1e6)";
/** Seconds that a tracer is left alone after its start, and that it is then watched for. */
const SETTLE = 3;
const WATCH = 12;

export async function benchFootprint() {
  const folder = mkdtempSync(join(tmpdir(), "leakline-bench-"));
  try {
    const program = join(folder, "stacks");
    execFileSync("gcc", ["-O1", "-g", "-o", program, join(ROOT, "bench", "stacks.c")]);
    const tables = join(folder, "tables");
    const idle = [program];
    const busy = [program, "busy"];
    const large = [process.execPath, "-e", NOTHING];
    const record =
      (...more) =>
      (pid) => ["record", "-p", pid, "-o", `${folder}/${pid}.rec`, "-i", "5", ...more];
    const attach = (pid) => ["attach", pid, "-i", "5"];
    const prepare = (pid) => execFileSync(COMMAND, ["prepare", "-p", pid, "-o", tables], { stdio: "ignore" });
    const rows = [["node, doing nothing", ...(await watch(large))]];
    for (const [name, target, command, before] of [
      ["record, idle program", idle, record()],
      ["record, busy program, 1,024 stacks", busy, record()],
      ["attach, idle program", idle, attach],
      ["attach, busy program, 1,024 stacks", busy, attach],
      ["record, large program (node)", large, record()],
      ["record, the same, --unwind-dir", large, record("--unwind-dir", tables), prepare],
    ]) {
      const traced = await start(target);
      before?.(String(traced.pid));
      rows.push([name, ...(await watch([COMMAND, ...command(String(traced.pid))]))]);
      traced.kill("SIGKILL");
    }
    console.log(`\nleakline's own footprint, ${SETTLE} to ${SETTLE + WATCH} s after the start, a reading every 5 s`);
    table(["", "own MB", "of files MB", "peak MB", "CPU s to start", "CPU s a minute"], rows);
    console.log(
      "own: memory that nobody else has; of files: code of programs, which the system can drop and read again",
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts a program and waits until it prints. */
async function start([command, ...args]) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data");
  return child;
}

/** Runs a command for a while; its own memory, that of files, the peak (MB), CPU seconds to start and a minute. */
async function watch([command, ...args]) {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "ignore"] });
  await setTimeout(SETTLE * 1000);
  if (child.exitCode !== null) return Array(5).fill(Number.NaN);
  const before = cpuSeconds(child.pid);
  await setTimeout(WATCH * 1000);
  const minute = ((cpuSeconds(child.pid) - before) * 60) / WATCH;
  const figures = ["RssAnon", "RssFile", "VmHWM"].map((name) => megabytes(child.pid, name));
  child.kill("SIGTERM");
  await once(child, "exit");
  return [...figures, before, minute];
}

function megabytes(pid, name) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
}

/** proc_pid_stat(5): utime and stime, in ticks of 10 ms. The name in parentheses may hold blanks. */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
