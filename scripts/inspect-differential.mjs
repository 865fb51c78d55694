/**
 * `node scripts/inspect-differential.mjs FILE…`: everything that `leakline inspect` lists of these files, row by row
 * against the tools: symbols against readelf, functions and lines against llvm-dwarfdump. No row may be missing, none
 * extra. Without FILE: libc, libstdc++ and node.
 */

import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { buildIfNeeded, ROOT } from "./setup.mjs";

const FILES = ["/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", process.execPath];

/** What the command prints, as lines to compare; `debugFile` when it took another file for it. */
function inspect(what, path) {
  const { stdout, stderr } = output(process.execPath, [
    join(ROOT, "dist/cli/main.js"),
    "inspect",
    what,
    path,
    "--json",
  ]);
  if (stdout === "") return { rows: [], debugFile: undefined };
  const rows = JSON.parse(stdout).rows.map(TEXTS[what]);
  return { rows, debugFile: /debug information from (.*)/.exec(stderr)?.[1] };
}

/** LLVM 14's crashes on libstdc++. */
const DWARFDUMP = "llvm-dwarfdump-19";

const TEXTS = {
  symbols: (row) =>
    [
      row.table,
      row.number,
      BigInt(row.value),
      row.size,
      row.type,
      row.bind,
      row.visibility,
      row.section,
      row.name,
    ].join(" "),
  functions: ({ die, name, ranges }) => [die, name, ...ranges.map(({ begin, end }) => `${begin}-${end}`)].join(" "),
  lines(row) {
    const flags = [
      row.isStmt && "is_stmt",
      row.basicBlock && "basic_block",
      row.prologueEnd && "prologue_end",
      row.epilogueBegin && "epilogue_begin",
      row.endSequence && "end_sequence",
    ];
    const numbers = [row.program, row.address, row.line, row.column, row.isa, row.discriminator];
    return [...numbers, ...flags.filter((flag) => flag)].join(" ");
  },
};

function readelfSymbols(path) {
  const rows = [];
  let table = "";
  for (const line of output("readelf", ["-sW", path]).stdout.split("\n")) {
    table = /^Symbol table '(.*)'/.exec(line)?.[1] ?? table;
    const match = /^ *(\d+): ([0-9a-f]+) +(\w+) (\S+) +(\S+) +(\S+) +(?:\[.*?\] )?(\S+) ?(.*)$/.exec(line);
    if (!match) continue;
    const [, number, value, size, type, bind, visibility, section, name] = match;
    // readelf puts the number of the version behind an undefined name, and lends a section's symbol its name.
    const plain = type === "SECTION" ? "" : name.replace(/ \(\d+\)$/, "");
    rows.push([table, number, BigInt(`0x${value}`), Number(size), type, bind, visibility, section, plain].join(" "));
  }
  return rows.sort((a, b) => Number(b.startsWith(".symtab")) - Number(a.startsWith(".symtab")));
}

/** Entries with code, that the linker kept: a range that begins at 0 is a function that it dropped. */
function dwarfdumpFunctions(path) {
  const rows = [];
  const text = output(DWARFDUMP, ["--debug-info", path]).stdout;
  for (const die of text.split("\n\n")) {
    const head = /^(0x[0-9a-f]+): +DW_TAG_subprogram/m.exec(die);
    if (!head) continue;
    const low = /DW_AT_low_pc\t\((0x[0-9a-f]+)\)/.exec(die)?.[1];
    const high = /DW_AT_high_pc\t\((0x[0-9a-f]+)\)/.exec(die)?.[1];
    const listed = [
      ...(/DW_AT_ranges[^[]*((?:\s*\[0x[0-9a-f]+, 0x[0-9a-f]+\))+)/.exec(die)?.[1] ?? "").matchAll(/\[(\S+), (\S+)\)/g),
    ];
    const ranges = listed.length > 0 ? listed.map(([, begin, end]) => [begin, end]) : low && high ? [[low, high]] : [];
    const kept = ranges.map((range) => range.map(BigInt)).filter(([begin, end]) => begin > 1n && begin < end);
    if (ranges.length === 0) continue;
    rows.push(
      [`0x${BigInt(head[1]).toString(16)}`, ...kept.map(([b, e]) => `0x${b.toString(16)}-0x${e.toString(16)}`)].join(
        " ",
      ),
    );
  }
  return rows;
}

function dwarfdumpLines(path) {
  const rows = [];
  let program = "";
  for (const line of output(DWARFDUMP, ["--debug-line", path]).stdout.split("\n")) {
    const start = /^debug_line\[(0x[0-9a-f]+)\]/.exec(line)?.[1];
    if (start) program = `0x${BigInt(start).toString(16)}`;
    // Address, line, column, file, ISA, discriminator, operation index, flags.
    const row = /^(0x[0-9a-f]{16}) +(\d+) +(\d+) +\d+ +(\d+) +(\d+) +\d+ +(.*)$/.exec(line);
    if (!row) continue;
    const [, address, lineNumber, column, isa, discriminator, flags] = row;
    const words = flags
      .trim()
      .split(" ")
      .filter((word) => word);
    rows.push(
      [program, `0x${BigInt(address).toString(16)}`, lineNumber, column, isa, discriminator, ...words].join(" "),
    );
  }
  return rows;
}

function compare(what, path, { rows, debugFile }, theirs) {
  // llvm-dwarfdump does not follow a function's name into another file (dwz): only places are compared.
  const ours = what === "functions" ? rows.map((row) => row.replace(/^(\S+) .*?(?= 0x[0-9a-f]+-0x|$)/, "$1")) : rows;
  const missing = count(theirs, ours);
  const extra = count(ours, theirs);
  differences += missing.length + extra.length;
  const from = debugFile === undefined ? "" : ` (from ${debugFile})`;
  console.log(`${path} ${what}: ${theirs.length} rows, ${missing.length} missing, ${extra.length} extra${from}`);
  for (const row of missing.slice(0, 3)) console.log(`  missing: ${row}`);
  for (const row of extra.slice(0, 3)) console.log(`  extra:   ${row}`);
}

/** Rows of `a` that `b` does not have, each as often as it stands there. */
function count(a, b) {
  const left = new Map();
  for (const row of b) left.set(row, (left.get(row) ?? 0) + 1);
  return a.filter((row) => {
    const copies = left.get(row) ?? 0;
    left.set(row, copies - 1);
    return copies <= 0;
  });
}

function output(command, args) {
  const { stdout, stderr, error, signal } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 30 });
  if (error) throw error;
  if (signal) throw new Error(`${command} ${args.join(" ")}: ${signal}`);
  return { stdout, stderr };
}

buildIfNeeded();
const given = process.argv.slice(2);
let differences = 0;
for (const file of given.length > 0 ? given : FILES) {
  const path = realpathSync(file);
  compare("symbols", path, inspect("symbols", path), readelfSymbols(path));
  const functions = inspect("functions", path);
  const lines = inspect("lines", path);
  const debugFile = functions.debugFile ?? path;
  compare("functions", path, functions, dwarfdumpFunctions(debugFile));
  compare("lines", path, lines, dwarfdumpLines(debugFile));
}
process.exitCode = differences === 0 ? 0 : 1;
