/** The two processes of an endurance run: a program of test/live/programs, and leakline beside it. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Where programs and `dist/` are: tools and tests are both started here. */
const ROOT = process.cwd();

export type Target = {
  pid: number;
  child: ChildProcess;
  /** Writes an empty line to its stdin. @returns the next line of its stdout. */
  ask(): Promise<string>;
  line(): Promise<string>;
  exited: Promise<number | null>;
};

/**
 * Compiles `test/live/programs/NAME.c` into a folder; gives the program's path. It gets a C library of its own there: a
 * tracer that is killed in the middle of a system call may leave a probe in the kernel that belongs to the library's file,
 * and that file is then better not everybody's.
 */
export function compileTarget(folder: string, name: string, flags: readonly string[] = [], output = name): string {
  const program = join(folder, output);
  const source = join(ROOT, "test", "live", "programs", `${name}.c`);
  execFileSync("gcc", ["-g", "-O1", "-pthread", `-Wl,-rpath,${folder}`, source, "-o", program, ...flags]);
  const library = /libc\.so\.6 => (\/\S+)/.exec(execFileSync("ldd", [program], { encoding: "utf8" }))?.[1];
  if (library === undefined) throw new Error(`${program} has no C library`);
  copyFileSync(library, join(folder, "libc.so.6"));
  return program;
}

/** Starts a program and waits for its first line. */
export async function startProgram(path: string, args: readonly string[] = []): Promise<Target> {
  const child = spawn(path, args, { stdio: ["pipe", "pipe", "inherit"] });
  await once(child, "spawn");
  child.stdin.on("error", () => {}); // it has ended; `line` says so
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const target: Target = {
    pid: child.pid as number,
    child,
    exited,
    async line() {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${path} ended`);
      return value as string;
    },
    ask() {
      child.stdin.write("\n");
      return target.line();
    },
  };
  await target.line();
  return target;
}

export type Tracer = {
  pid: number;
  child: ChildProcess;
  /** Resolves when the probes are in place, and when it has ended before. */
  attached: Promise<void>;
  isAttached(): boolean;
  /** Exit code or signal. */
  ended: Promise<number | string>;
  stderr(): string;
};

/** Starts `leakline attach`. @param onReport gets each line of its stdout. */
export function startTracer(pid: number, args: readonly string[], onReport?: (line: string) => void): Tracer {
  const main = join(ROOT, "dist", "cli", "main.js");
  const child = spawn(process.execPath, [main, "attach", String(pid), ...args], {
    stdio: ["ignore", onReport ? "pipe" : "ignore", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (onReport && child.stdout) createInterface({ input: child.stdout }).on("line", onReport);
  let stderr = "";
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  const isAttached = (): boolean => stderr.includes("a report every");
  const attached = new Promise<void>((resolve) => {
    child.stderr?.on("data", (data) => {
      stderr += data;
      if (isAttached()) resolve();
    });
    ended.then(() => resolve());
  });
  return { pid: child.pid as number, child, attached, isAttached, ended, stderr: () => stderr };
}
