/** Other demanglers, as oracles for the tests. Only tests import this. */

import { spawnSync } from "node:child_process";

/** The LLVM whose text is the target. Older ones differ: 14 writes `> >`. */
export const LLVM_CXXFILT = "llvm-cxxfilt-19";
export const GNU_CXXFILT = "c++filt";

/** Whether `program` can be run. In CI every oracle must be there, so its absence is a failure there. */
export function isInstalled(program: string): boolean {
  const isThere = spawnSync(program, ["--version"]).status === 0;
  if (!isThere && process.env.CI) throw new Error(`${program} is missing, and CI needs it`);
  return isThere;
}

/** What a filter makes of `names`, all in one run. */
export function ask(program: string, args: string[], names: string[]): string[] {
  const { stdout, error } = spawnSync(program, args, { input: `${names.join("\n")}\n`, maxBuffer: 1 << 30 });
  if (error) throw error;
  return stdout.toString().split("\n").slice(0, names.length);
}

/** The mangled names among the symbols of an ELF file: at most `limit`, spread evenly over them. */
export function mangledNames(file: string, limit: number): string[] {
  const run = (args: string[]) => spawnSync("nm", [...args, "--no-demangle", file], { maxBuffer: 1 << 30 }).stdout;
  const lines = `${run(["-j"])}\n${run(["-jD"])}`.split("\n").map((line) => line.split("@")[0]);
  const names = [...new Set(lines)].filter((line) => /^_+[ZR][\w.$]+$/.test(line));
  const step = Math.max(names.length / limit, 1);
  return Array.from({ length: Math.min(names.length, limit) }, (_, i) => names[Math.floor(i * step)]);
}

/** The names on which two demanglers disagree, ready to be printed by a failing test. */
export function differences(names: string[], actual: string[], expected: string[]) {
  return names.flatMap((name, i) =>
    actual[i] === expected[i] ? [] : [{ name, actual: actual[i], expected: expected[i] }],
  );
}
