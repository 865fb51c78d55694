/** What live tests share: programs that are driven step by step, and leakline run as a user runs it. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** What npm installs as the command, and what Node is started with by it. */
export const COMMAND = join(ROOT, "dist", "cli", "leakline");
export const MAIN = join(ROOT, "dist", "cli", "main.js");
const PROGRAMS = join(ROOT, "test", "live", "programs");

/** Compiles `test/live/programs/NAME.c`; gives the program's path. */
export function compileProgram(folder: string, name: string, flags: readonly string[] = ["-g", "-O0"]): string {
  const program = join(folder, `${name}-${Math.random().toString(36).slice(2, 8)}`);
  const compiler = existsSync(join(PROGRAMS, `${name}.c`)) ? ["gcc", `${name}.c`] : ["g++", `${name}.cc`];
  const args = [join(PROGRAMS, compiler[1]), "-o", program, "-fno-omit-frame-pointer", "-pthread", ...flags];
  execFileSync(compiler[0], args, { stdio: ["ignore", "ignore", "inherit"] });
  return program;
}

const started = new Set<ChildProcess>();
afterEach(() => {
  for (const child of started) child.kill("SIGKILL");
  started.clear();
});

export type Target = {
  pid: number;
  child: ChildProcess;
  /** The next line of its stdout. */
  line(): Promise<string>;
  /** Writes a line to its stdin: what the test programs wait for between steps. */
  go(): void;
  exited: Promise<number | null>;
};

/** Starts a program and waits for its first line. The programs print `ready` when they have been set up. */
export async function startTarget(
  program: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Target> {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
  started.add(child);
  await once(child, "spawn");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const target: Target = {
    pid: child.pid as number,
    child,
    exited,
    async line() {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${program} ended`);
      return value;
    },
    go: () => void child.stdin.write("\n"),
  };
  await target.line();
  return target;
}

/** Compiles the tutorial's program and starts it: it prints nothing, and leaks 4 bytes twice a second. */
export async function startTutorial(
  folder: string,
  flags: readonly string[] = ["-g", "-O0"],
): Promise<{ pid: number; program: string; child: ChildProcess }> {
  const program = join(folder, "test_memleak");
  execFileSync("gcc", [join(ROOT, "demo", "test_memleak.c"), "-o", program, ...flags]);
  return { program, ...(await startQuiet(program)) };
}

/** Starts a program that prints nothing, and waits until it sleeps: by then it has been loaded. */
export async function startQuiet(
  program: string,
  args: readonly string[] = [],
): Promise<{ pid: number; child: ChildProcess }> {
  const child = spawn(program, args, { stdio: "ignore" });
  started.add(child);
  await once(child, "spawn");
  const pid = child.pid as number;
  const isAsleep = (): boolean => /\) S /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  while (!isAsleep()) await setTimeout(10);
  return { pid, child };
}

export type Finished = { code: number | null; stdout: string; stderr: string };

/** Runs leakline to its end. */
export function leakline(args: readonly string[], options: { env?: NodeJS.ProcessEnv } = {}): Finished {
  const env = { ...process.env, NO_COLOR: "1", ...options.env };
  const result = spawnSync(COMMAND, args, { encoding: "utf8", env, maxBuffer: 1 << 28 });
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

export type Running = {
  child: ChildProcess;
  /** Resolves when stderr has held this text. */
  said(text: string): Promise<void>;
  /** Resolves when stdout has held this text so many times. */
  showed(text: string, times?: number): Promise<void>;
  /** Resolves when stdout has held so many reports (lines, with --json). */
  printed(lines: number): Promise<void>;
  finished: Promise<Finished>;
};

/** Starts leakline and lets it run. */
export function startLeakline(args: readonly string[]): Running {
  return startCommand([COMMAND, ...args]);
}

/** Starts a command line that runs leakline in some way. Its stdin is a pipe that stays open. */
export function startCommand([program, ...args]: readonly string[]): Running {
  const env = { ...process.env, NO_COLOR: "1" };
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env });
  child.stdin.on("error", () => {}); // it may end before it reads
  started.add(child);
  let stdout = "";
  let stderr = "";
  const waiting: { met: () => boolean; resolve: () => void }[] = [];
  const check = (): void => {
    for (const wait of waiting) if (wait.met()) wait.resolve();
  };
  child.stdout.on("data", (data) => {
    stdout += data;
    check();
  });
  child.stderr.on("data", (data) => {
    stderr += data;
    check();
  });
  const finished = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }));
  const until = (met: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      if (met()) return resolve();
      waiting.push({ met, resolve });
      finished.then(() => (met() ? resolve() : reject(new Error(`leakline ended:\n${stdout}\n${stderr}`))));
    });
  return {
    child,
    said: (text) => until(() => stderr.includes(text)),
    showed: (text, times = 1) => until(() => stdout.split(text).length > times),
    printed: (lines) => until(() => stdout.split("\n").length > lines),
    finished,
  };
}

/** Attaches with `--json`, for the steps of a test program: `await trace.done()` stops it and gives the reports. */
export async function traceWith(
  pid: number,
  args: readonly string[] = [],
): Promise<{ running: Running; done(): Promise<JsonReport[]> }> {
  const running = startLeakline(["attach", String(pid), "--json", "-i", "3600", "-n", "1000", ...args]);
  await running.said("a report every");
  return {
    running,
    async done() {
      running.child.kill("SIGTERM");
      const { stdout, code, stderr } = await running.finished;
      if (code !== 0) throw new Error(stderr);
      return stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as JsonReport);
    },
  };
}

/** The parts of the JSON output that tests look at; written down here, from the documentation, not taken from the source. */
export type JsonFrame = {
  address: string;
  symbol?: string;
  offset?: number;
  file?: string;
  line?: number;
  column?: number;
  inlined: boolean;
  module?: string;
  moduleAddress?: string;
  symbolSource?: string;
  reason?: string;
};
export type JsonStack = {
  id: number;
  pid: number;
  class: string;
  bytes: number;
  blocks: number;
  allocatedBytes: number;
  allocatedBlocks: number;
  frames: JsonFrame[];
};
export type JsonReport = {
  version: number;
  kind: string;
  final: boolean;
  totals: { bytes: number; blocks: number; stacks: number };
  stacks: JsonStack[];
  quality: { [name: string]: number };
};

/** Outstanding bytes and blocks of all stacks that have a function in them. */
export function totalsOf(report: JsonReport, symbol: string): { bytes: number; blocks: number } {
  const stacks = report.stacks.filter(({ frames }) => frames.some((frame) => frame.symbol === symbol));
  return {
    bytes: stacks.reduce((sum, stack) => sum + stack.bytes, 0),
    blocks: stacks.reduce((sum, stack) => sum + stack.blocks, 0),
  };
}
