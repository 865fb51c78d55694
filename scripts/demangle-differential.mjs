// Compares leakline's demangler with llvm-cxxfilt over every mangled symbol of the given ELF files.
//
//   npm run build && node scripts/demangle-differential.mjs [--short] [--show N] FILE…
//
// FILE is an ELF file, or a text file with one symbol a line (*.txt). Prints, per file, how many names are identical,
// and the first N that are not. Legacy Rust names are compared with GNU c++filt, because llvm-cxxfilt reads them as
// C++. LLVM_CXXFILT, CXXFILT, NM and DEMANGLE name other programs, or another build of the demangler.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  options: { short: { type: "boolean" }, show: { type: "string", default: "10" } },
  allowPositionals: true,
});
const built = process.env.DEMANGLE ?? new URL("../dist/demangle/index.js", import.meta.url).pathname;
const { demangle } = await import(resolve(built));

function run(program, args, input) {
  const result = spawnSync(program, args, { input, maxBuffer: 2 ** 31, encoding: "latin1" });
  if (result.error) throw result.error;
  return result.stdout;
}

function symbolsOf(file) {
  const isList = file.endsWith(".txt");
  const nm = process.env.NM ?? "nm";
  const text = isList
    ? readFileSync(file, "latin1")
    : run(nm, ["-jD", "--no-demangle", file]) + run(nm, ["-j", "--no-demangle", file]);
  const names = text.split("\n").map((line) => line.split("@")[0]);
  return [...new Set(names)].filter((name) => /^_+[ZR][\w.$]+$/.test(name));
}

const isLegacyRust = (name) => /^_ZN.*17h[0-9a-f]{16}E(\..*)?$/.test(name);

function compare(label, names, oracle) {
  if (names.length === 0) return;
  const expected = oracle(names);
  const start = process.hrtime.bigint();
  const actual = names.map((name) => demangle(name, { parameters: !values.short, hash: true }));
  const microseconds = Number(process.hrtime.bigint() - start) / 1000 / names.length;
  const different = names.flatMap((_, i) => (actual[i] === expected[i] ? [] : [i]));
  const share = ((100 * (names.length - different.length)) / names.length).toFixed(3);
  console.log(
    `${label}: ${names.length} names, ${different.length} differ, ${share} % identical, ${microseconds.toFixed(2)} µs each`,
  );
  for (const i of different.slice(0, Number(values.show))) {
    console.log(`  ${names[i]}\n    expected ${expected[i]}\n    actual   ${actual[i]}`);
  }
}

const lines = (text) => text.split("\n");
const llvm = (names) =>
  lines(run(process.env.LLVM_CXXFILT ?? "llvm-cxxfilt-19", values.short ? ["-p"] : [], `${names.join("\n")}\n`));

// GNU c++filt drops the suffix of a legacy Rust name.
function gnu(names) {
  const parts = names.map((name) => /^(.*17h[0-9a-f]{16}E)(\..*)?$/.exec(name));
  const paths = lines(
    run(process.env.CXXFILT ?? "c++filt", ["-s", "rust"], `${parts.map((part) => part[1]).join("\n")}\n`),
  );
  return paths.slice(0, names.length).map((path, i) => (parts[i][2] ? `${path} (${parts[i][2]})` : path));
}

for (const file of positionals) {
  const names = symbolsOf(file);
  compare(
    file,
    names.filter((name) => !isLegacyRust(name)),
    llvm,
  );
  compare(`${file} (legacy Rust)`, names.filter(isLegacyRust), gnu);
}
