/**
 * `leakline inspect` beside readelf and llvm-dwarfdump: every row of a file's symbol tables, functions and line programs,
 * none missing and none extra.
 */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { parseArguments } from "../../src/cli/command.ts";
import { INSPECT_COMMANDS } from "../../src/cli/inspect.ts";

export type Kind = "symbols" | "functions" | "lines";

/** A row: what has to be the same, and a detail of which one side says more than the other. */
type Row = { key: string; detail: string };

export type RowComparison = {
  rows: number;
  /** Rows of the other tool that we lack, and ours that it lacks. */
  missing: string[];
  extra: string[];
  /** Rows whose file or name is another. */
  different: string[];
};

/**
 * @param path what leakline is given.
 * @param debugPath the file that the other tool reads: for symbols the same.
 */
export async function compareRows(kind: Kind, path: string, debugPath: string): Promise<RowComparison> {
  const ours = await ourRows(kind, path);
  const theirs = await THEIR_ROWS[kind](debugPath);
  const missing = without(theirs, ours);
  const extra = without(ours, theirs);
  const different: string[] = [];
  // Both list a file in its own order: without holes, row stands beside row.
  const isAligned = missing.length === 0 && extra.length === 0;
  for (let i = 0; isAligned && i < ours.length; i++)
    if (ours[i].key !== theirs[i].key || !SAME_DETAIL[kind](ours[i].detail, theirs[i].detail))
      different.push(`${ours[i].key} ${ours[i].detail} | ${theirs[i].key} ${theirs[i].detail}`);
  return { rows: ours.length, missing, extra, different };
}

/** The keys of `rows` that `others` does not have, as often as it lacks them. */
function without(rows: readonly Row[], others: readonly Row[]): string[] {
  const counts = new Map<string, number>();
  for (const { key } of others) counts.set(key, (counts.get(key) ?? 0) + 1);
  const left: string[] = [];
  for (const { key } of rows) {
    const count = counts.get(key) ?? 0;
    if (count === 0) left.push(key);
    else counts.set(key, count - 1);
  }
  return left;
}

const SAME_DETAIL: Record<Kind, (ours: string, theirs: string) => boolean> = {
  symbols: (ours, theirs) => ours === theirs,
  // We say name and linkage name, llvm-dwarfdump one of them.
  functions: (ours, theirs) => ours.split("\n").includes(theirs),
  // We put the compilation directory in front of what stands in the table.
  lines: (ours, theirs) => ours === theirs || ours.endsWith(`/${theirs}`),
};

type JsonRow = Record<string, string | number | boolean | undefined>;

/** The rows that the command prints with --json, which puts one on a line. */
async function ourRows(kind: Kind, path: string): Promise<Row[]> {
  const rows: Row[] = [];
  const lines = (await inspect(kind, path)).split("\n");
  for (const line of lines.slice(1, -2)) {
    const row = JSON.parse(line.replace(/,$/, "")) as JsonRow;
    if ("reason" in row) throw new Error(`damaged: ${line}`);
    if (kind === "symbols") rows.push(ourSymbol(row));
    if (kind === "functions") rows.push(ourFunction(row));
    if (kind === "lines") rows.push(ourLine(row));
  }
  return rows;
}

async function inspect(kind: Kind, path: string): Promise<string> {
  const command = INSPECT_COMMANDS.find(({ name }) => name === `inspect ${kind}`);
  if (!command) throw new Error(`no command inspect ${kind}`);
  const pieces: string[] = [];
  const write = process.stdout.write;
  process.stdout.write = ((piece: string) => {
    pieces.push(piece);
    return true;
  }) as typeof process.stdout.write;
  try {
    await command.run(parseArguments(command, ["--json", path]));
  } finally {
    process.stdout.write = write;
  }
  return pieces.join("");
}

function ourSymbol({ table, value, size, type, bind, visibility, section, name }: JsonRow): Row {
  return { key: [table, value, size, type, bind, visibility, section].join(" "), detail: String(name) };
}

function ourFunction(row: JsonRow): Row {
  const ranges = row.ranges as unknown as { begin: string; end: string }[];
  const code = ranges.map(({ begin, end }) => `${begin}-${end}`).join(" ");
  return { key: `${row.die} ${code}`, detail: [row.name, row.linkageName].filter((name) => name).join("\n") };
}

function ourLine(row: JsonRow): Row {
  const marks = (["isStmt", "basicBlock", "endSequence", "prologueEnd", "epilogueBegin"] as const).filter(
    (mark) => row[mark],
  );
  const numbers = [row.program, row.address, row.line, row.column, row.isa, row.discriminator];
  return { key: [...numbers, ...marks].join(" "), detail: String(row.file ?? "") };
}

const THEIR_ROWS: Record<Kind, (path: string) => Promise<Row[]>> = {
  symbols: readelfRows,
  functions: dwarfdumpFunctions,
  lines: dwarfdumpLines,
};

/** The output of a tool, line by line: that of llvm-dwarfdump is too long for one string. */
async function eachLine(program: string, options: string[], take: (line: string) => void): Promise<void> {
  const child = spawn(program, options, { stdio: ["ignore", "pipe", "ignore"], env: { ...process.env, LC_ALL: "C" } });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`${program} ended with ${code}`))));
  });
  const read = (async () => {
    for await (const line of createInterface({ input: child.stdout })) take(line);
  })();
  await Promise.all([read, ended]);
}

async function readelfRows(path: string): Promise<Row[]> {
  const rows: Row[] = [];
  let table = "";
  await eachLine("readelf", ["-sW", path], (line) => {
    table = /^Symbol table '(.*)' contains/.exec(line)?.[1] ?? table;
    const row =
      /^ *\d+: ([0-9a-f]+) +(0x[0-9a-f]+|\d+) (\S+) +(\S+) +(\S+)(?: +\[[^\]]*\])? +(\S+)(?: \[[^\]]*\])? ?(.*)$/.exec(
        line,
      );
    if (!row) return;
    const [, value, size, type, bind, visibility, section, name] = row;
    const key = [table, hexNumber(value), Number(size), type, bind, visibility, section].join(" ");
    // `(2)` behind a needed version is its number. A section's symbol has no name; readelf shows the section's.
    rows.push({ key, detail: type === "SECTION" ? "" : name.replace(/ \(\d+\)$/, "") });
  });
  // leakline prints .symtab first.
  return [
    ...rows.filter(({ key }) => key.startsWith(".symtab")),
    ...rows.filter(({ key }) => !key.startsWith(".symtab")),
  ];
}

/** Version 14 recurses for ever over a type of libstdc++ that contains itself, and dies. */
export const DWARFDUMP = "llvm-dwarfdump-19";

/** Every DW_TAG_subprogram with code. */
async function dwarfdumpFunctions(path: string): Promise<Row[]> {
  const rows: Row[] = [];
  let die:
    | { offset: string; low?: string; high?: string; hasCode: boolean; ranges: string[]; names: Map<string, string> }
    | undefined;

  function finish(): void {
    if (!die) return;
    const { offset, low, high, hasCode, ranges, names } = die;
    if (ranges.length === 0 && low !== undefined && high !== undefined) ranges.push(`${low}-${high}`);
    const name = ["linkage_name", "name", "abstract_origin", "specification"]
      .map((key) => names.get(key))
      .find((n) => n);
    // Without a range, the linker dropped the function: it stands at 0, where no code is.
    const kept = ranges.filter((range) => !range.startsWith("0x0-"));
    if (hasCode) rows.push({ key: `${offset} ${kept.join(" ")}`, detail: name ?? "" });
    die = undefined;
  }

  await eachLine(DWARFDUMP, ["--debug-info", path], (line) => {
    const start = /^0x([0-9a-f]+): +(\S+)/.exec(line);
    if (start) {
      finish();
      if (start[2] === "DW_TAG_subprogram")
        die = { offset: hexNumber(start[1]), hasCode: false, ranges: [], names: new Map() };
      return;
    }
    if (!die) return;
    const [, attribute, value] = /^ +DW_AT_(\w+)\t\((.*)$/.exec(line) ?? [];
    if (attribute === "low_pc" || attribute === "ranges") die.hasCode = true;
    const range = /\[0x([0-9a-f]+), 0x([0-9a-f]+)\)/.exec(line);
    if (attribute === "low_pc") die.low = hexNumber(value.replace(/^0x|\)$/g, ""));
    else if (attribute === "high_pc") die.high = hexNumber(value.replace(/^0x|\)$/g, ""));
    else if (range && (attribute === undefined || attribute === "ranges")) {
      if (range[1] !== range[2]) die.ranges.push(`${hexNumber(range[1])}-${hexNumber(range[2])}`);
    } else if (attribute !== undefined) {
      const name = /"(.*)"\)$/.exec(value)?.[1];
      if (name !== undefined) die.names.set(attribute, name);
    }
  });
  finish();
  return rows;
}

/** Every row of every line program. */
async function dwarfdumpLines(path: string): Promise<Row[]> {
  const rows: Row[] = [];
  let program = "";
  let version = 0;
  let hasOpIndex = false;
  let directories: string[] = [];
  let files: { name: string; directory: number }[] = [];
  await eachLine(DWARFDUMP, ["--debug-line", path], (line) => {
    const row = /^0x([0-9a-f]{16}) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)(.*)$/.exec(line);
    if (row) {
      const [, address, number, column, file, isa, discriminator, rest] = row;
      const marks = (hasOpIndex ? rest.replace(/^ +\d+/, "") : rest).trim().split(/ +/);
      const named = MARKS.filter(([theirs]) => marks.includes(theirs)).map(([, ours]) => ours);
      const key = [program, hexNumber(address), number, column, isa, discriminator, ...named].join(" ");
      rows.push({ key, detail: pathOf(Number(file)) });
      return;
    }
    const start = /^debug_line\[0x([0-9a-f]+)\]/.exec(line);
    if (start) {
      program = hexNumber(start[1]);
      directories = [];
      files = [];
    }
    version = Number(/^ +version: (\d+)/.exec(line)?.[1] ?? version);
    const directory = /^include_directories\[ *(\d+)\] = "(.*)"$/.exec(line);
    if (directory) directories[Number(directory[1])] = directory[2];
    const file = /^file_names\[ *(\d+)\]:/.exec(line);
    if (file) files[Number(file[1])] = { name: "", directory: 0 };
    const current = files.at(-1);
    const name = /^ +name: "(.*)"$/.exec(line);
    if (name && current) current.name = name[1];
    const index = /^ +dir_index: (\d+)$/.exec(line);
    if (index && current) current.directory = Number(index[1]);
    if (line.startsWith("Address ")) hasOpIndex = line.includes("OpIndex");
  });
  return rows;

  function pathOf(number: number): string {
    const file = files[number];
    if (!file) return "";
    const directory = version >= 5 || file.directory > 0 ? directories[file.directory] : undefined;
    return directory === undefined || file.name.startsWith("/") ? file.name : `${directory}/${file.name}`;
  }
}

const MARKS = [
  ["is_stmt", "isStmt"],
  ["basic_block", "basicBlock"],
  ["end_sequence", "endSequence"],
  ["prologue_end", "prologueEnd"],
  ["epilogue_begin", "epilogueBegin"],
] as const;

/** As we write them: without leading zeros. */
function hexNumber(digits: string): string {
  return `0x${digits.replace(/^0+(?=.)/, "")}`;
}
