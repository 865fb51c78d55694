/**
 * Resolving a list in a process that runs: V8 has compiled by then what it compiles, and Node has started. Each time, the
 * file is opened anew and nothing is kept of the time before. Frames are objects, as the library gives them, not text.
 *
 * Run by symbolizing.mjs: `node again.mjs FILE < ADDRESSES` prints the milliseconds of one time.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../scripts/setup.mjs";
import { median } from "./measure.mjs";

/** Times before it is measured, and while it is. */
const BEFORE = 8;
const MEASURED = 7;

const { openLocalModule } = await import(join(ROOT, "dist/symbolize/local/local-module.js"));
const words = readFileSync(0, "utf8").trim().split("\n");
// Addresses of the library are signed.
const addresses = words.map((word) => Number(BigInt.asIntN(64, BigInt(word))));

function resolveOnce() {
  const start = performance.now();
  const module = openLocalModule(process.argv[2]);
  let frames = 0;
  module.findEach(addresses, false, (found) => {
    frames += found.length;
  });
  module.close();
  if (frames < addresses.length) throw new Error(`${frames} frames of ${addresses.length} addresses`);
  return performance.now() - start;
}

for (let i = 0; i < BEFORE; i++) resolveOnce();
console.log(median(Array.from({ length: MEASURED }, resolveOnce)));
