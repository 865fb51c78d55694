/**
 * What tracing costs the target, per malloc/free pair, beside the peers; and what leakline itself takes.
 *
 * In each round every tracer is put on a fresh target, which measures all cases (pairs.c); the next round goes the other
 * way about. So whatever else the machine does meets all of them, ratios are taken within a round, and the medians over
 * the rounds are printed.
 */

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { COMMAND, ROOT } from "../scripts/setup.mjs";
import { median, table } from "./measure.mjs";
import { BARE_TRAPS, findTracers } from "./tracers.mjs";

const ROUNDS = 3;
const SECONDS = "0.2";
/** Threads × depth; depth 0: frees of blocks from before. The last comes last: its blocks are used up then. */
const CASES = ["1x3", "1x10", "1x30", "4x3", "4x10", "4x30", "1x0"];
const NAME_WIDTH = 38;
const HEADING = ["1 thread 3 deep", "10 deep", "30 deep", "4 threads 3 deep", "10 deep", "30 deep", "unknown free"];

export async function benchTracing() {
  const folder = mkdtempSync(join(tmpdir(), "leakline-bench-"));
  try {
    const programs = { with: compile(folder, "with", "-fno-"), without: compile(folder, "without", "-f") };
    const tracers = await findTracers(folder, async () => (await startTarget([programs.with])).child);
    const results = new Map(tracers.map(({ name }) => [name, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const tracer of round % 2 === 0 ? tracers : tracers.toReversed()) {
        console.error(`round ${round + 1} of ${ROUNDS}: ${tracer.name}`);
        results.get(tracer.name).push(await tryMeasure(tracer, programs));
        if (round === ROUNDS - 1) printRow(tracer.name, results);
      }
    }
    printRatios(tracers, results);
    if (process.getuid?.() !== 0) return;
    await printPrediction(programs.without, results);
    await benchAttach(programs.without);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The target twice: bcc needs frame pointers, programs as they are delivered have none. */
function compile(folder, name, prefix) {
  const program = join(folder, `${name}-frame-pointers`);
  const source = join(ROOT, "bench", "pairs.c");
  execFileSync("gcc", ["-O2", `${prefix}omit-frame-pointer`, "-pthread", "-o", program, source]);
  return program;
}

async function startTarget([command, ...args]) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  for (let line = await lines.next(); line.value !== "ready"; line = await lines.next()) {
    if (line.done) throw new Error(`${command} ended before it was ready`);
  }
  return { child, lines };
}

/** A tool that fails costs its own row, not the others. */
async function tryMeasure(tracer, programs) {
  try {
    return await measureUnder(tracer, programs);
  } catch (error) {
    console.error(`${tracer.name} failed: ${error.message}`);
    return CASES.map(() => Number.NaN);
  }
}

/** @returns ns per pair, for each case. */
async function measureUnder({ launcher = [], attach, framePointers }, programs) {
  const program = framePointers ? programs.with : programs.without;
  const { child, lines } = await startTarget([...launcher, program, SECONDS, ...CASES]);
  const detach = await attach?.(child.pid);
  child.stdin.end("\n");
  const figures = [];
  // heaptrack prints around them: figures are the lines that are numbers.
  for await (const line of lines) if (/^[\d.]+$/.test(line)) figures.push(Number(line));
  await detach?.();
  if (figures.length !== CASES.length) throw new Error(`${launcher[0] ?? program}: measured ${figures.length} cases`);
  return figures;
}

/** A row is printed as soon as it is known, so its columns are as wide as the heading wants them. */
function printRow(name, results) {
  if (name === "bare") {
    const rounds = `median of ${ROUNDS} rounds of ${SECONDS} s`;
    console.log(`\nns of processor time per malloc(64)/free pair in the target (${rounds})`);
    console.log(["".padEnd(NAME_WIDTH), ...HEADING].join("  "));
  }
  const figures = CASES.map((_, i) => median(results.get(name).map((round) => round[i])));
  console.log(
    [name.padEnd(NAME_WIDTH), ...figures.map((ns, i) => ns.toFixed(0).padStart(HEADING[i].length))].join("  "),
  );
}

function printRatios(tracers, results) {
  const figuresOf = (name, i) => results.get(name).map((round) => round[i]);
  const reference = tracers[1]?.framePointers ? tracers[1].name : undefined;
  if (reference === undefined) return;
  const ratio = (name, i) => {
    const theirs = figuresOf(reference, i);
    return median(figuresOf(name, i).map((ns, round) => ns / theirs[round]));
  };
  console.log(`\nthe same as a part of ${reference}'s, round by round`);
  table(
    ["", ...HEADING],
    tracers.map(({ name }) => [name, ...CASES.map((_, i) => ratio(name, i).toFixed(3))]),
  );
  printTargets(results, ratio);
}

/** What is aimed at; see the issue of each in the changelog. */
function printTargets(results, ratio) {
  const is = (met) => (met ? "met" : "missed");
  const whole = ratio("leakline attach", CASES.indexOf("1x10"));
  console.log(`\nattach, 10 deep: ${whole.toFixed(2)} of memleak's, at most 0.3 aimed at: ${is(whole <= 0.3)}`);
  const four = results.get("leakline attach").map((round) => round[4] / round[1]);
  console.log(
    `attach, 4 threads beside 1: ${median(four).toFixed(2)} times, no worse aimed at: ${is(median(four) <= 1.1)}`,
  );
  const sampled = results.get("leakline attach --sample-bytes 524288");
  if (!sampled) return;
  const ns = median(sampled.map((round) => round[1]));
  const traps = median(results.get(BARE_TRAPS).map((round) => round[1]));
  console.log(
    `attach --sample-bytes, 10 deep: ${ns.toFixed(0)} ns, of which ${traps.toFixed(0)} are the kernel's traps; under 1700 aimed at: ${is(ns < 1700)}`,
  );
}

/** What an attached probe costs while its program does nothing, and what doctor makes of it, beside what was measured. */
async function printPrediction(program, results) {
  const { child: target } = await startTarget([program, SECONDS]);
  const doctor = spawnSync(COMMAND, ["doctor", String(target.pid), "--json"], { encoding: "utf8" });
  target.kill("SIGKILL");
  const { cost } = JSON.parse(doctor.stdout);
  if (!cost) return;
  console.log("\nan idle probe and what is added to it, by doctor (a process that does not allocate pays nothing)");
  table(
    ["", "ns"],
    [
      ["a probe on an instruction that the kernel emulates, program empty", cost.emulated],
      ["the same on one that is executed out of line", cost.outOfLine],
      ["a probe of the return", cost.atReturn],
      ["the account of a pair", cost.account],
      ["a frame of the stack", cost.frame],
    ],
  );
  const measured = (depth) => {
    const i = CASES.indexOf(`1x${depth}`);
    return (
      median(results.get("leakline attach").map((round) => round[i])) - median(results.get("bare").map((r) => r[i]))
    );
  };
  const rows = cost.pair.map(({ frames, cost: ns }) => [`${frames} frames`, ns, measured(frames)]);
  table(["a pair's cost", "predicted", "measured"], rows);
}

/** Time to the first report, and memory while tracing. */
async function benchAttach(program) {
  const { child: target } = await startTarget([program, SECONDS]);
  const firstReport = [];
  let attached = 0;
  let memory = 0;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    const leakline = spawn(COMMAND, ["attach", String(target.pid), "-i", "0.1"], {
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
