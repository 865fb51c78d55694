/** `leakline inspect symbols|functions|lines|build-id`: what the tutorial uses readelf and dwarfdump for. */

import { LeaklineError } from "../base/errors.ts";
import { readSymbols } from "../elf/index.ts";
import {
  FUNCTIONS_HEADING,
  functionRows,
  type InspectRow,
  LINES_HEADING,
  lineRows,
  SYMBOLS_HEADING,
  symbolRows,
} from "../report/inspect.ts";
import { toJson } from "../report/json.ts";
import { openLocalModule } from "../symbolize/local/local-module.ts";
import type { Module } from "../symbolize/module.ts";
import { type Arguments, type Command, type OptionTable, usageError } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { note, print } from "./output.ts";

const INSPECT_OPTIONS: OptionTable = {
  json: { help: "one JSON object" },
  "debug-dir": { value: "DIR", help: "look for separate debug files below DIR too", multiple: true },
};

/** Rows are printed in pieces of so many: one string of a million rows would take gigabytes. */
const ROWS_AT_ONCE = 4096;

export const INSPECT_COMMANDS: readonly Command[] = [
  inspectCommand("symbols", "the symbol tables of an ELF file, as readelf -s prints them", inspectSymbols),
  inspectCommand("functions", "the functions in its debug information (dwarfdump -i)", inspectFunctions),
  inspectCommand("lines", "the rows of its line programs (dwarfdump -l)", inspectLines),
  inspectCommand("build-id", "its build ID", inspectBuildId),
];

function inspectCommand(what: string, summary: string, inspect: (module: Module, given: Arguments) => void): Command {
  const name = `inspect ${what}`;
  return {
    name,
    summary,
    operands: "FILE",
    options: INSPECT_OPTIONS,
    examples: [[`leakline ${name} ./test_memleak`, summary]],
    async run(given) {
      if (given.operands.length !== 1) throw usageError(`${name} needs one FILE`);
      const module = openLocalModule(given.operands[0], given.texts("debug-dir"));
      inspect(module, given);
      for (const problem of module.problems) note(problem);
      return EXIT.done;
    },
  };
}

function inspectSymbols(module: Module, given: Arguments): void {
  const { elf } = module;
  const tables = ([".symtab", ".dynsym"] as const).flatMap((source) => readSymbols(elf, source) ?? []);
  if (tables.length === 0) note(`${elf.name} has no symbol table: it was stripped`);
  const rows = function* (): Generator<InspectRow> {
    for (const table of tables) yield* symbolRows(table, elf.is64);
  };
  printRows("symbols", SYMBOLS_HEADING, rows(), given);
}

function inspectFunctions(module: Module, given: Arguments): void {
  printRows("functions", FUNCTIONS_HEADING, functionRows(debugInformation(module).functions()), given);
}

function inspectLines(module: Module, given: Arguments): void {
  printRows("lines", LINES_HEADING, lineRows(debugInformation(module).lines()), given);
}

function inspectBuildId({ elf }: Module, given: Arguments): void {
  if (given.flag("json")) {
    print(`${toJson({ version: 1, kind: "build-id", file: elf.name, buildId: elf.buildId })}\n`);
  } else if (elf.buildId === undefined) {
    throw new LeaklineError("not-found", `${elf.name} has no build ID`, { hint: "link with -Wl,--build-id" });
  } else {
    print(`${elf.buildId}\n`);
  }
}

function debugInformation(module: Module) {
  const found = module.debugInformation;
  if (found) {
    if (found.file !== module.elf.name) note(`debug information from ${found.file}`);
    return found.dwarf;
  }
  throw new LeaklineError(
    "not-found",
    `${module.elf.name} has no debug information, and no debug file of it was found`,
    {
      hint: "compile with -g, or install the -dbg or -dbgsym package",
    },
  );
}

function printRows(kind: string, heading: string, rows: Iterable<InspectRow>, given: Arguments): void {
  const json = given.flag("json");
  print(json ? `{"version":1,"kind":"${kind}","rows":[` : `${heading}\n`);
  let pending: string[] = [];
  let first = true;
  const flush = (): void => {
    if (pending.length === 0) return;
    if (json) print(`${first ? "" : ","}\n${pending.join(",\n")}`);
    else print(`${pending.join("\n")}\n`);
    first = false;
    pending = [];
  };
  for (const { data, text } of rows) {
    pending.push(json ? toJson(data) : text);
    if (pending.length === ROWS_AT_ONCE) flush();
  }
  flush();
  if (json) print("\n]}\n");
}
