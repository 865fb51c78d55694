/**
 * Tools written in TypeScript beside the tests (`test/differential`, `test/fuzz`): compiled with the sources that they
 * import into a temporary folder, and run from there.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, run } from "./setup.mjs";

/** @param file `test/FOLDER/FILE.ts`; its folder has a tsconfig.json. Arguments are those of this process. */
export async function runCompiled(folder, file) {
  const output = mkdtempSync(join(tmpdir(), "leakline-tools-"));
  try {
    const compiler = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    run(process.execPath, [compiler, "-p", join(folder, "tsconfig.json"), "--outDir", output]);
    writeFileSync(join(output, "package.json"), '{"type":"module"}');
    // The tools look for their sources and programs from here.
    process.chdir(ROOT);
    await import(pathToFileURL(join(output, folder, file.replace(/\.ts$/, ".js"))).href);
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}
