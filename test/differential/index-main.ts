/**
 * `npm run differential -- --index`: every binary with and without an index, a line each. Options: those of main.ts.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { LeaklineError } from "../../src/base/errors.ts";
import { allBinaries } from "./binaries.ts";
import { compareWithIndex } from "./with-index.ts";

const cacheFolder = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
const { values } = parseArgs({
  options: {
    addresses: { type: "string", default: "20000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 32) },
    only: { type: "string", default: "" },
    show: { type: "string", default: "3" },
    cache: { type: "string", default: join(cacheFolder, "leakline", "differential") },
    index: { type: "boolean" },
  },
});

console.log(
  `seed ${values.seed}\n${["binary".padEnd(60), "addresses", "different", "not in the whole index"].join("\t")}`,
);
for (const binary of allBinaries(values.cache, (message) => console.error(message))) {
  if (!binary.name.includes(values.only)) continue;
  const folder = mkdtempSync(join(tmpdir(), "leakline-index-"));
  try {
    const result = compareWithIndex(binary, folder, Number(values.addresses), Number(values.seed));
    const { addresses, differences, problems, missing } = result;
    console.log([binary.name.padEnd(60), addresses, differences.length, missing].join("\t"));
    for (const line of [...problems, ...differences.slice(0, Number(values.show))]) console.log(`  ${line}`);
    if (differences.length > 0) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    // Such as those that were linked without a build ID.
    console.log([binary.name.padEnd(60), error.message].join("\t"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
