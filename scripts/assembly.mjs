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

/** Where each begins, and what it becomes. The demanglers would be half as large again with -O3, and no faster. */
const ASSEMBLIES = [
  { source: "src/dwarf/assembly/index.ts", output: "src/dwarf/scanner-code.ts", level: "-O3" },
  { source: "src/elf/assembly/index.ts", output: "src/elf/symbol-search-code.ts", level: "-O3" },
  { source: "src/demangle/assembly/index.ts", output: "src/demangle/demangler-code.ts", level: "-O2" },
];

const ASC = join(ROOT, "node_modules", "assemblyscript", "bin", "asc.js");
const OPTIONS = ["--noAssert", "--runtime", "stub", "--use", "abort="];

function compile(source, level) {
  const folder = mkdtempSync(join(tmpdir(), "leakline-assembly-"));
  try {
    const output = join(folder, "code.wasm");
    execFileSync(process.execPath, [ASC, source, "-o", output, level, ...OPTIONS], { cwd: ROOT, stdio: "inherit" });
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
for (const { source, output, level } of ASSEMBLIES) {
  const path = join(ROOT, output);
  const text = moduleOf(source, compile(source, level));
  if (!isCheck) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") === text) console.log(`${output} is what ${source} compiles to`);
  else {
    console.error(`${output} is not what ${source} compiles to: run npm run assembly`);
    process.exitCode = 1;
  }
}
