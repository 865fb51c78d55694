/** What tracing costs: the target per malloc/free pair, leakline itself in time and memory. */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onPath, ROOT } from "../scripts/setup.mjs";
import { median, table } from "./measure.mjs";

const MAIN = join(ROOT, "dist", "cli", "main.js");
const RUNS = 3;

export async function benchTracing() {
  const folder = mkdtempSync(join(tmpdir(), "leakline-bench-"));
  try {
    const program = join(folder, "pairs");
    const flags = ["-O1", "-g", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls", "-pthread"];
    execFileSync("gcc", [...flags, "-o", program, join(ROOT, "bench", "pairs.c")]);
    const peers = [
      ["bare", () => pairs([program], undefined)],
      ["leakline attach", (threads) => pairs([program, threads], attach)],
      ["heaptrack", (threads) => pairs(["heaptrack", "-o", join(folder, "heap"), program, threads], undefined)],
      [
        "valgrind --tool=massif",
        (t) => pairs(["valgrind", "-q", "--tool=massif", `--massif-out-file=${folder}/m`, program, t]),
      ],
      ["valgrind (memcheck)", (threads) => pairs(["valgrind", "-q", program, threads], undefined)],
    ].filter(([name]) => name === "bare" || name.startsWith("leakline") || onPath(name.split(" ")[0]));
    const rows = [];
    for (const [name, run] of peers) {
      const figures = [];
      for (const threads of ["1", "2"]) {
        const results = [];
        for (let i = 0; i < RUNS; i++) results.push(await run(threads));
        figures.push(median(results));
      }
      rows.push([name, ...figures]);
    }
    console.log("\nns per malloc(64)/free pair in the target, 10 calls deep (median of 3 runs of 2 s)");
    table(["", "1 thread", "2 threads"], rows);
    await benchAttach(program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts the program, lets `prepare` do something to it, and gives what it prints. */
async function pairs([command, ...args], prepare) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  while ((await lines.next()).value !== "ready");
  const undo = await prepare?.(child.pid);
  child.stdin.end("\n");
  let figure = Number.NaN;
  // heaptrack prints around it: the figure is the line that is a number.
  for await (const line of lines) if (/^[\d.]+$/.test(line)) figure = Number(line);
  await undo?.();
  return figure;
}

async function attach(pid) {
  const leakline = spawn(process.execPath, [MAIN, "attach", String(pid), "-i", "1"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  for await (const data of leakline.stderr) {
    said += data;
    if (said.includes("a report every")) break;
  }
  return () => once(leakline, "exit");
}

/** Time to the first report, and memory while tracing. */
async function benchAttach(program) {
  const target = spawn(program, ["1"], { stdio: ["pipe", "pipe", "ignore"] });
  await once(target.stdout, "data");
  const firstReport = [];
  let attached = 0;
  let memory = 0;
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now();
    const leakline = spawn(process.execPath, [MAIN, "attach", String(target.pid), "-i", "0.1"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    leakline.stderr.once("data", () => {
      attached = performance.now() - start;
    });
    await once(leakline.stdout, "data");
    firstReport.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    memory = Math.max(memory, residentMegabytes(leakline.pid));
    leakline.kill("SIGTERM");
    await once(leakline, "exit");
  }
  target.kill("SIGKILL");
  console.log("\nleakline attach itself");
  table(
    ["", "figure"],
    [
      ["ms from start to attached", attached],
      ["ms from start to the first report (interval 100 ms)", median(firstReport)],
      ["MB resident while tracing", memory],
    ],
  );
}

function residentMegabytes(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
