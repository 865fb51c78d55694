/**
 * Resolving addresses when an index is kept on disk: a list that was asked for before, and any list once the whole file was
 * indexed, beside the symbolizers that are installed. docs/index-format.md says what an index is.
 *
 * `npm run bench -- index [TEXT]`: only files whose name has TEXT.
 */

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMAND, onPath, ROOT } from "../scripts/setup.mjs";
import { addressLists } from "./addresses.mjs";
import { prepareInputs } from "./inputs.mjs";
import { measure, median, table } from "./measure.mjs";
import { OTHERS, TIMEOUT } from "./symbolizing.mjs";

const RUNS = 3;
/** Of an index of a whole file, in seconds. */
const BUILD_TIMEOUT = 600;

export async function benchIndex(only = "") {
  const folder = mkdtempSync(join(tmpdir(), "leakline-bench-"));
  try {
    console.log("\nwith an index: wall and CPU seconds, peak MB, and wall seconds per one of the fastest peer's");
    for (const { name, file } of prepareInputs(folder, only)) await benchFile(name, file, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function benchFile(name, file, folder) {
  const [asked, whole] = ["asked", "whole"].map((kind) => join(folder, `${kind} ${name}`));
  for (const cache of [asked, whole]) mkdirSync(cache, { mode: 0o700 });
  const lists = addressLists(file);
  const built = runLeakline(whole, file, ["--index"], undefined, 1);
  console.log(`\n${name}: ${built ? describeIndex(built, whole) : "no index of the whole file"}`);
  const ms = await stackInProcess(file, lists[1].addresses, folder);
  console.log(
    `a stack of 6 in a process that runs: ${ms.first.toFixed(1)} ms the first time, ${ms.later.toFixed(2)} later`,
  );
  const slow = new Set();
  for (const { what, addresses } of lists) {
    const input = `${addresses.join("\n")}\n`;
    const peers = OTHERS.filter(({ command, operands }) => !operands && onPath(command));
    const rows = peers.flatMap((peer) => {
      if (slow.has(peer)) return [];
      const result = measure(peer.command, peer.args(file), RUNS, input, TIMEOUT);
      if (!result) slow.add(peer);
      return result ? [[peer.name, result]] : [];
    });
    // Only those that give as much: inlined calls too.
    const best = Math.min(...rows.filter(([peer]) => !peer.startsWith(" ")).map(([, { seconds }]) => seconds));
    runLeakline(asked, file, [], input, 1);
    rows.unshift(
      ["leakline", runLeakline(asked, file, ["--no-cache"], input)],
      ["  asked before", runLeakline(asked, file, [], input)],
      ...(built ? [["  whole file indexed", runLeakline(whole, file, [], input)]] : []),
    );
    console.log(`\n${name}: ${what}`);
    table(
      ["", "wall", "CPU", "MB", "of best"],
      rows.map(([who, result]) =>
        result
          ? [who, result.seconds, result.cpu, result.megabytes, result.seconds / best]
          : [who, "failed", "", "", ""],
      ),
    );
  }
}

function runLeakline(cache, file, args, input, runs = RUNS) {
  const words = [`XDG_CACHE_HOME=${cache}`, COMMAND, "symbolize", "elf", "--path", file, ...args];
  return measure("env", words, runs, input, BUILD_TIMEOUT);
}

function describeIndex({ seconds, cpu, megabytes }, cache) {
  const folder = join(cache, "leakline", "index");
  const size = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  return `indexed as a whole in ${seconds.toFixed(1)} s, ${cpu.toFixed(1)} s of CPU, with ${megabytes.toFixed(0)} MB at most; ${(size / 1e6).toFixed(1)} MB on disk`;
}

/** Milliseconds to open a file whose stack was asked for before, and to resolve that. */
async function stackInProcess(file, addresses, folder) {
  const { openLocalModule } = await import(join(ROOT, "dist/symbolize/local/local-module.js"));
  const { IndexStore } = await import(join(ROOT, "dist/symbolize/local/index-store.js"));
  // Those of the library are signed.
  const numbers = addresses.map((address) => Number(BigInt.asIntN(64, BigInt(address))));
  const resolveOnce = () => {
    const start = performance.now();
    const store = new IndexStore(join(folder, "in-process"), "bench");
    const module = openLocalModule(file, [], undefined, store);
    module.findAll(numbers, true);
    const milliseconds = performance.now() - start;
    module.close();
    store.save();
    return milliseconds;
  };
  resolveOnce();
  const times = Array.from({ length: 21 }, resolveOnce);
  return { first: times[0], later: median(times.slice(1)) };
}
