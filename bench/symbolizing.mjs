/**
 * Resolving addresses of files of this machine, beside the symbolizers that are installed: each gets the same file and
 * the same list on stdin.
 *
 * `npm run bench -- symbolizing [TEXT]`: only files whose name has TEXT.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import * as module from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMAND, onPath, ROOT } from "../scripts/setup.mjs";
import { addressLists } from "./addresses.mjs";
import { prepareInputs } from "./inputs.mjs";
import { measure, table } from "./measure.mjs";

/** Of one command, in seconds. */
export const TIMEOUT = 40;
const RUNS = 3;
/** Of a short list, which tells Node's start from our own. */
const COLD_RUNS = 7;

/** Ours, with one thread as it is by default, and with two: as other symbolizers are run, on one file. */
function leakline(name, ...options) {
  const args = (file) => ["symbolize", "elf", "--no-cache", ...options, "--path", file];
  return { name, command: COMMAND, args };
}

const OURS = [
  leakline("leakline"),
  leakline("  two threads", "--threads", "2"),
  leakline("  without inlines", "--no-inlines"),
  // The least that ours can take.
  { name: "node, doing nothing", command: process.execPath, args: () => ["-e", "0"] },
];

/** Each reads addresses from stdin. */
export const OTHERS = [
  { name: "blazecli", command: "blazecli", args: (file) => ["symbolize", "elf", "--path", file], operands: true },
  { name: "gimli addr2line", command: "gimli-addr2line", args: (file) => ["-fiCae", file] },
  { name: "llvm-symbolizer-19", command: "llvm-symbolizer-19", args: (file) => ["--inlines", "-e", file] },
  { name: "  without inlines", command: "llvm-symbolizer-19", args: (file) => ["--no-inlines", "-e", file] },
  { name: "eu-addr2line", command: "eu-addr2line", args: (file) => ["-fiC", "-e", file] },
  { name: "  without inlines", command: "eu-addr2line", args: (file) => ["-fC", "-e", file] },
  { name: "GNU addr2line", command: "addr2line", args: (file) => ["-fiC", "-e", file] },
  { name: "  without inlines", command: "addr2line", args: (file) => ["-fC", "-e", file] },
];

/** Operands of one command line, at most. */
const MAX_OPERANDS = 10_000;
/** Addresses of a short list. */
const MAX_COLD = 6;

export function benchSymbolizing(only = "") {
  const folder = mkdtempSync(join(tmpdir(), "leakline-bench-"));
  try {
    console.log("\nresolving addresses: wall and CPU seconds, peak MB; the median of up to 3 runs");
    for (const { name, file } of prepareInputs(folder, only)) benchFile(name, file, join(folder, "code"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param code a folder for V8's compiled code. */
function benchFile(name, file, code) {
  // Who takes too long for a short list is not asked for a long one.
  const slow = new Set();
  for (const { what, addresses } of addressLists(file)) {
    console.log(`\n${name}: ${what}`);
    const isCold = addresses.length <= MAX_COLD;
    const rows = [...OURS, ...OTHERS]
      .filter(({ command }) => onPath(command))
      .flatMap((peer) => {
        const { command, args, operands } = peer;
        if (slow.has(peer)) return [];
        if (operands && addresses.length > MAX_OPERANDS) return [];
        const given = operands ? [...args(file), ...addresses] : args(file);
        const input = operands ? undefined : `${addresses.join("\n")}\n`;
        const result = measure(command, given, isCold ? COLD_RUNS : RUNS, input, TIMEOUT);
        if (!result) slow.add(peer);
        return [[peer.name, ...(result ? [result.seconds, result.cpu, result.megabytes] : [`> ${TIMEOUT}`, "", ""])]];
      });
    const input = `${addresses.join("\n")}\n`;
    // Of longer ones, what V8 compiles is a small part.
    const further = isCold && "enableCompileCache" in module ? [codeKept(file, input, code)] : [];
    rows.splice(1, 0, ...further, inRunningProcess(file, input));
    table(["", "wall", "CPU", "MB"], rows);
  }
}

/** As a command that was run before: without an index, but with the code that V8 had compiled. Node can since 22.1. */
function codeKept(file, input, code) {
  const { command, args } = OURS[0];
  const words = [`NODE_COMPILE_CACHE=${code}`, command, ...args(file)];
  measure("env", words, 1, input, TIMEOUT);
  const { seconds, cpu, megabytes } = measure("env", words, COLD_RUNS, input, TIMEOUT);
  return ["  code kept", seconds, cpu, megabytes];
}

/** As a library; see again.mjs. */
function inRunningProcess(file, input) {
  const script = join(ROOT, "bench", "again.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, file], { input, encoding: "utf8" });
  if (status !== 0) throw new Error(`again.mjs: ${stderr}`);
  return ["  in a process that runs", Number(stdout) / 1000, "", ""];
}
