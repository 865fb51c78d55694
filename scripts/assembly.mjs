/**
 * Compiles what is written in AssemblyScript to WebAssembly, as text in a module of its own: so it is loaded the same way
 * from the sources, the package and a browser's bundle. The result is committed; a test compares it with a new one.
 *
 * `node scripts/assembly.mjs [FOLDER]`: writes into FOLDER instead.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { ROOT } from "./setup.mjs";

/** Where each begins, and what it becomes. */
export const ASSEMBLIES = [
  { source: "src/dwarf/assembly/index.ts", output: "src/dwarf/scanner-code.ts" },
  { source: "src/elf/assembly/index.ts", output: "src/elf/symbol-search-code.ts" },
];

const ASC = join(ROOT, "node_modules", "assemblyscript", "bin", "asc.js");
const OPTIONS = ["-O3", "--noAssert", "--runtime", "stub", "--initialMemory", "1"];

/** @param folder where the outputs go. */
export function compileAssemblies(folder) {
  const work = mkdtempSync(join(tmpdir(), "leakline-assembly-"));
  try {
    for (const { source, output } of ASSEMBLIES) {
      const binary = join(work, `${basename(output)}.wasm`);
      execFileSync(process.execPath, [ASC, source, "-o", binary, ...OPTIONS], {
        cwd: ROOT,
        stdio: ["ignore", "inherit", "inherit"],
      });
      mkdirSync(dirname(join(folder, output)), { recursive: true });
      writeFileSync(join(folder, output), moduleOf(source, readFileSync(binary)));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function moduleOf(source, binary) {
  const lines = binary.toString("base64").match(/.{1,112}/g);
  return `/** Compiled from ${dirname(source)} by scripts/assembly.mjs: WebAssembly in base64. */\n\nexport const CODE =\n${lines.map((line) => `  "${line}"`).join(" +\n")};\n`;
}

if (process.argv[1] === import.meta.filename) compileAssemblies(process.argv[2] ?? ROOT);
