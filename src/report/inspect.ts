/**
 * What is in a file, row by row: for each kind of row its columns as text, in the layout of the tool whose users read
 * it (readelf -s, dwarfdump -i, dwarfdump -l), and as data for JSON.
 */

import { hex } from "../base/address.ts";
import type { DamagedEntry, FunctionEntry, LineProgramEntry, LineRow } from "../dwarf/index.ts";
import type { SymbolTable } from "../elf/index.ts";
import { sectionIndexName, symbolBindName, symbolTypeName, visibilityName } from "./elf-names.ts";

/** A row: what `--json` prints, and its line of text. */
export type InspectRow = { data: object; text: string };

/** The symbols of a table, in its order. Values have as many digits as the file's addresses. */
export function* symbolRows(table: SymbolTable, is64: boolean): Generator<InspectRow> {
  for (let row = 0; row < table.count; row++) {
    const data = {
      table: table.source,
      number: row,
      value: `0x${hex(table.values[row])}`,
      size: table.sizes[row],
      type: symbolTypeName(table.type(row)),
      bind: symbolBindName(table.bind(row)),
      visibility: visibilityName(table.visibility(row)),
      section: sectionIndexName(table.sectionIndexes[row]),
      name: table.versionedName(row),
    };
    const columns = [
      `${row}:`.padStart(8),
      hex(table.values[row], is64 ? 16 : 8),
      String(data.size).padStart(6),
      data.type.padEnd(7),
      data.bind.padEnd(6),
      data.visibility.padEnd(9),
      data.section.padStart(4),
      data.name,
    ];
    yield { data, text: columns.join(" ") };
  }
}

export const SYMBOLS_HEADING = "     Num: Value               Size Type    Bind   Vis        Ndx Name";

/** The functions that have code, in the order of the debug information. */
export function* functionRows(functions: Iterable<FunctionEntry | DamagedEntry>): Generator<InspectRow> {
  for (const entry of functions) yield "reason" in entry ? damaged(entry, ".debug_info") : functionRow(entry);
}

function functionRow(entry: FunctionEntry): InspectRow {
  const ranges = entry.ranges.map(({ begin, end }) => ({ begin: `0x${hex(begin)}`, end: `0x${hex(end)}` }));
  const data = {
    die: `0x${hex(entry.offset)}`,
    name: entry.displayName,
    linkageName: entry.linkageName,
    ranges,
    declFile: entry.declFile,
    declLine: entry.declLine,
    external: entry.external,
  };
  const code = ranges.map(({ begin, end }) => `${begin}-${end}`).join(" ") || "dropped by the linker";
  const place = entry.declFile === undefined ? "" : ` ${entry.declFile}:${entry.declLine ?? 0}`;
  const name = entry.displayName ?? entry.linkageName ?? "<no name>";
  return { data, text: `<${data.die}> ${name} ${code}${place}` };
}

export const FUNCTIONS_HEADING = "<DIE> name low_pc-high_pc file:line of the declaration";

/** The rows of all line programs. */
export function* lineRows(programs: Iterable<LineProgramEntry | DamagedEntry>): Generator<InspectRow> {
  for (const program of programs) {
    if ("reason" in program) {
      yield damaged(program, ".debug_line");
      continue;
    }
    let shownFile: number | undefined;
    for (const row of program.rows()) {
      yield { data: lineData(program, row), text: lineText(program, row, row.file !== shownFile) };
      shownFile = row.endSequence ? undefined : row.file;
    }
  }
}

export const LINES_HEADING = "<pc>               [line,column] NS BB ET PE EB IS= DI= file";

function lineData(program: LineProgramEntry, row: LineRow): object {
  const { address, file: _, ...rest } = row;
  return { program: `0x${hex(program.offset)}`, address: `0x${hex(address)}`, file: program.path(row.file), ...rest };
}

/**
 * `0x0000000000001159 [   6, 1] NS uri: "/src/a.c"`, as dwarfdump -l has it: NS new statement, BB new basic block, ET
 * end of text sequence, PE prologue end, EB epilogue begin, IS instruction set, DI discriminator.
 */
export function lineText(program: LineProgramEntry, row: LineRow, withFile: boolean): string {
  const marks = [
    row.isStmt && "NS",
    row.basicBlock && "BB",
    row.endSequence && "ET",
    row.prologueEnd && "PE",
    row.epilogueBegin && "EB",
    row.isa !== 0 && `IS=0x${hex(row.isa)}`,
    row.discriminator !== 0 && `DI=0x${hex(row.discriminator)}`,
    withFile && `uri: "${program.path(row.file) ?? `<no file ${row.file}>`}"`,
  ];
  const place = `[${String(row.line).padStart(4)},${String(row.column).padStart(2)}]`;
  return [`0x${hex(row.address, 16)}  ${place}`, ...marks.filter((mark) => mark)].join(" ");
}

function damaged({ offset, reason }: DamagedEntry, section: string): InspectRow {
  const place = `0x${hex(offset)}`;
  return { data: { section, offset: place, reason }, text: `${section}+${place}: damaged: ${reason}` };
}
