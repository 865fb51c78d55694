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
import { measureByTurns, table } from "./measure.mjs";

/** Of one command, in seconds. */
export const TIMEOUT = 40;
const RUNS = 3;
/** Of a short list, which tells Node's start from our own. */
const RUNS_OF_SHORT = 7;

/** Ours, with one thread as it is by default, and with two: as other symbolizers are run, on one file. */
function leakline(name, ...options) {
  const args = (file) => ["symbolize", "elf", "--no-cache", ...options, "--path", file];
  return { name, command: COMMAND, args };
}

/** @param code a folder for V8's compiled code. */
function ours(code) {
  const plain = leakline("leakline");
  const kept = (file) => [`NODE_COMPILE_CACHE=${code}`, plain.command, ...plain.args(file)];
  return [
    plain,
    // As a command that was run before: without an index, but with what V8 had compiled. Node can since 22.1.
    ...("enableCompileCache" in module ? [{ name: "  code kept", command: "env", args: kept, isForShort: true }] : []),
    leakline("  two threads", "--threads", "2"),
    leakline("  without inlines", "--no-inlines"),
    // The least that ours can take.
    { name: "node, doing nothing", command: process.execPath, args: () => ["-e", "0"] },
  ];
}

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
const MAX_SHORT = 6;

export function benchSymbolizing(only = "") {
  const folder = mkdtempSync(join(tmpdir(), "leakline-bench-"));
  try {
    console.log(
      `\nresolving addresses: wall and CPU seconds, peak MB; the median of up to ${RUNS} runs by turns, ${RUNS_OF_SHORT} of short lists`,
    );
    for (const { name, file } of prepareInputs(folder, only)) benchFile(name, file, join(folder, "code"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param code a folder for V8's compiled code. */
function benchFile(name, file, code) {
  // Who takes too long for a short list is not asked for a long one.
  const slow = new Set();
  const all = [...ours(code), ...OTHERS].filter(({ command }) => onPath(command));
  for (const { what, addresses } of addressLists(file)) {
    console.log(`\n${name}: ${what}`);
    const isShort = addresses.length <= MAX_SHORT;
    const input = `${addresses.join("\n")}\n`;
    const asked = all.filter((peer) => {
      if (slow.has(peer) || (peer.isForShort && !isShort)) return false;
      return !peer.operands || addresses.length <= MAX_OPERANDS;
    });
    const commands = asked.map(({ command, args, operands }) =>
      operands ? { command, args: [...args(file), ...addresses] } : { command, args: args(file), input },
    );
    const results = measureByTurns(commands, isShort ? RUNS_OF_SHORT : RUNS, TIMEOUT);
    const rows = asked.map((peer, i) => {
      const result = results[i];
      if (!result) slow.add(peer);
      return [peer.name, ...(result ? [result.seconds, result.cpu, result.megabytes] : [`> ${TIMEOUT}`, "", ""])];
    });
    rows.splice(1, 0, inRunningProcess(file, input));
    table(["", "wall", "CPU", "MB"], rows);
  }
}

/** As a library; see again.mjs. */
function inRunningProcess(file, input) {
  const script = join(ROOT, "bench", "again.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, file], { input, encoding: "utf8" });
  if (status !== 0) throw new Error(`again.mjs: ${stderr}`);
  return ["  in a process that runs", Number(stdout) / 1000, "", ""];
}
