import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FIXTURES, fixture, openBytes, openPath, REAL_FILES } from "../../test/support/elf-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { type ReadelfSymbol, readelfSymbols } from "../../test/support/readelf.ts";
import { hex } from "../base/address.ts";
import { type ElfFile, readSymbols, type SymbolTable } from "./index.ts";

const STT_SECTION = 3;

/** Our rows in the form of readelf's. */
function rowsOf(elf: ElfFile, table: SymbolTable): ReadelfSymbol[] {
  const rows: ReadelfSymbol[] = [];
  for (let row = 0; row < table.count; row++) {
    const section = table.sectionIndexes[row];
    const name = table.versionedName(row);
    rows.push({
      value: hex(table.values[row], elf.is64 ? 16 : 8),
      size: table.sizes[row],
      type: table.type(row),
      bind: table.bind(row),
      visibility: table.visibility(row),
      section,
      // readelf lends section symbols the name of their section.
      name: name === "" && table.type(row) === STT_SECTION ? elf.sections[section].name : name,
    });
  }
  return rows;
}

function expectSameSymbols(path: string): void {
  const elf = openPath(path);
  const expected = readelfSymbols(path);
  expect(expected.size).toBeGreaterThan(0);
  for (const source of [".symtab", ".dynsym"] as const) {
    const table = readSymbols(elf, source);
    const ours = table ? rowsOf(elf, table) : [];
    const theirs = expected.get(source) ?? [];
    expect(ours.length).toBe(theirs.length);
    // Row by row: a difference between two whole tables of 200,000 rows takes minutes to print.
    for (let row = 0; row < ours.length; row++)
      if (JSON.stringify(ours[row]) !== JSON.stringify(theirs[row]))
        expect({ row, ...ours[row] }).toEqual({ row, ...theirs[row] });
  }
}

test.for([...REAL_FILES, ...FIXTURES])(
  "every row and column of the symbols of %s equals readelf's",
  (path, context) => {
    needTools(context, "readelf", path);
    expectSameSymbols(path);
  },
);

test.for([...REAL_FILES, ...FIXTURES])("the rows that have certain names in %s are readelf's", (path, context) => {
  needTools(context, "readelf", path);
  const elf = openPath(path);
  for (const source of [".symtab", ".dynsym"] as const) {
    const table = readSymbols(elf, source);
    if (!table) continue;
    // Versions are no part of dynamic symbols' names; in .symtab, linkers write them into the name.
    const version = source === ".dynsym" ? /@.*/ : "";
    const theirs = (readelfSymbols(path).get(source) ?? []).map(({ name }) => name.replace(version, ""));
    const names = new Set(theirs.filter((name, i) => name !== "" && i % 7 === 3));
    // readelf lends section symbols the name of their section.
    const expected = theirs.flatMap((name, i) => (names.has(name) && table.type(i) !== STT_SECTION ? [i] : []));
    expect(table.rowsNamed(new Set([...names, "no symbol has this name", ""]))).toEqual(expected);
  }
});

test("symbols in sections beyond 0xff00", (context) => {
  needTools(context, "as", "readelf");
  const directory = temporaryDirectory();
  const lines = [".globl absolute", "absolute = 5"];
  for (let i = 0; i < 0xff00 + 300; i++) lines.push(`.section .s${i},"ax"`, `f${i}: nop`);
  const source = join(directory, "many.s");
  writeFileSync(source, `${lines.join("\n")}\n`);
  execFileSync("as", ["-o", `${directory}/many.o`, source]);
  expectSameSymbols(`${directory}/many.o`);
});

describe("without section headers", () => {
  // 32 and 64 bits, both byte orders, both kinds of hash table.
  const cases = [
    { name: "bash", path: "/bin/bash", hash: "GNU_HASH" },
    { name: "libstdc++", path: "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", hash: "GNU_HASH" },
    { name: "shapes-arm", path: fixture("shapes-arm"), hash: "GNU_HASH" },
    { name: "shapes-powerpc", path: fixture("shapes-powerpc"), hash: "GNU_HASH" },
    { name: "shapes-s390x", path: fixture("shapes-s390x"), hash: "GNU_HASH" },
    { name: "shapes-s390x-sysv", path: fixture("shapes-s390x-sysv"), hash: "(HASH)" },
    { name: "shapes-powerpc-sysv", path: fixture("shapes-powerpc-sysv"), hash: "(HASH)" },
  ];
  test.for(cases)("the dynamic symbols of $name are found by PT_DYNAMIC and $hash", ({ path, hash }, context) => {
    needTools(context, "readelf", path);
    expect(run("readelf", "-dW", path)).toContain(hash);
    const stripped = openBytes(path, withoutSections(readFileSync(path)));
    const table = readSymbols(stripped, ".dynsym")!;
    expect(stripped.sections).toEqual([]);
    const names = readelfSymbols(path)
      .get(".dynsym")!
      .map((row) => `${row.value} ${row.type === STT_SECTION ? "" : row.name.replace(/@.*/, "")}`);
    const found = Array.from(
      { length: table.count },
      (_, row) => `${hex(table.values[row], stripped.is64 ? 16 : 8)} ${table.name(row)}`,
    );
    expect(found).toEqual(names);
    expect(readSymbols(stripped, ".symtab")).toBeUndefined();
  });
});

/** Zeroes e_shoff, e_shnum and e_shstrndx. */
function withoutSections(bytes: Buffer): Buffer {
  const is64 = bytes[4] === 2;
  bytes.fill(0, is64 ? 40 : 32, is64 ? 48 : 36);
  bytes.fill(0, is64 ? 60 : 48, is64 ? 64 : 52);
  return bytes;
}

test("a symbol whose name lies outside the string table has none, and its neighbours keep theirs", () => {
  const elf = openPath(fixture("shapes-i686"));
  const table = readSymbols(elf, ".symtab")!;
  const main = Array.from({ length: table.count }, (_, row) => row).find((row) => table.name(row) === "main")!;
  table.nameOffsets[main - 1] = 0xffffffff;
  expect(table.name(main - 1)).toBe("");
  expect(table.name(main)).toBe("main");
});
