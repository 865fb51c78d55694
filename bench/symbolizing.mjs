/**
 * Resolving addresses of files of this machine, beside the symbolizers that are installed: each gets the same file and
 * the same list on stdin.
 *
 * `npm run bench -- symbolizing [TEXT]`: only files whose name has TEXT.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onPath, ROOT } from "../scripts/setup.mjs";
import { addressLists } from "./addresses.mjs";
import { prepareInputs } from "./inputs.mjs";
import { measure, table } from "./measure.mjs";

const MAIN = join(ROOT, "dist", "cli", "main.js");
/** Of one command, in seconds. */
export const TIMEOUT = 40;
const RUNS = 3;

/** Ours, with one thread as it is by default, and with two: as other symbolizers are run, on one file. */
function leakline(name, ...options) {
  const args = (file) => [MAIN, "symbolize", "elf", "--no-cache", ...options, "--path", file];
  return { name, command: process.execPath, args };
}

/** Each reads addresses from stdin. */
export const PEERS = [
  leakline("leakline"),
  leakline("  two threads", "--threads", "2"),
  leakline("  without inlines", "--no-inlines"),
  // The least that ours can take.
  { name: "node, doing nothing", command: process.execPath, args: () => ["-e", "0"] },
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

export function benchSymbolizing(only = "") {
  const folder = mkdtempSync(join(tmpdir(), "leakline-bench-"));
  try {
    console.log("\nresolving addresses: wall and CPU seconds, peak MB; the median of up to 3 runs");
    for (const { name, file } of prepareInputs(folder, only)) benchFile(name, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function benchFile(name, file) {
  // Who takes too long for a short list is not asked for a long one.
  const slow = new Set();
  for (const { what, addresses } of addressLists(file)) {
    console.log(`\n${name}: ${what}`);
    const rows = PEERS.filter(({ command }) => command === process.execPath || onPath(command)).flatMap((peer) => {
      const { command, args, operands } = peer;
      if (slow.has(peer)) return [];
      if (operands && addresses.length > MAX_OPERANDS) return [];
      const given = operands ? [...args(file), ...addresses] : args(file);
      const input = operands ? undefined : `${addresses.join("\n")}\n`;
      const result = measure(command, given, RUNS, input, TIMEOUT);
      if (!result) slow.add(peer);
      return [[peer.name, ...(result ? [result.seconds, result.cpu, result.megabytes] : [`> ${TIMEOUT}`, "", ""])]];
    });
    table(["", "wall", "CPU", "MB"], rows);
  }
}
