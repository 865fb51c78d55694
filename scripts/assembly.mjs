/**
 * Compiles what is written in AssemblyScript to WebAssembly, as text in a module of its own: so it is loaded the same way
 * from the sources, the package and a browser's bundle. The result is committed.
 *
 * `npm run assembly [-- --check]`: with --check, compares what is there with what the sources compile to.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ROOT } from "./setup.mjs";

/** Where each begins, and what it becomes. */
const ASSEMBLIES = [
  { source: "src/dwarf/assembly/index.ts", output: "src/dwarf/scanner-code.ts" },
  { source: "src/elf/assembly/index.ts", output: "src/elf/symbol-search-code.ts" },
];

const ASC = join(ROOT, "node_modules", "assemblyscript", "bin", "asc.js");
const OPTIONS = ["-O3", "--noAssert", "--runtime", "stub", "--initialMemory", "1"];

function compile(source) {
  const folder = mkdtempSync(join(tmpdir(), "leakline-assembly-"));
  try {
    const output = join(folder, "code.wasm");
    execFileSync(process.execPath, [ASC, source, "-o", output, ...OPTIONS], { cwd: ROOT, stdio: "inherit" });
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function moduleOf(source, code) {
  const lines = code.toString("base64").match(/.{1,112}/g);
  const text = lines.map((line) => `  "${line}"`).join(" +\n");
  return `/** Compiled from ${dirname(source)} by scripts/assembly.mjs: WebAssembly in base64. */\n\nexport const CODE =\n${text};\n`;
}

const isCheck = process.argv[2] === "--check";
for (const { source, output } of ASSEMBLIES) {
  const path = join(ROOT, output);
  const text = moduleOf(source, compile(source));
  if (!isCheck) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") === text) console.log(`${output} is what ${source} compiles to`);
  else {
    console.error(`${output} is not what ${source} compiles to: run npm run assembly`);
    process.exitCode = 1;
  }
}
