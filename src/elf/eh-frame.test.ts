import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FIXTURES, fixture, openBytes, openPath, REAL_FILES } from "../../test/support/elf-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { readelfSymbols } from "../../test/support/readelf.ts";
import { hex } from "../base/address.ts";
import { type ElfFile, findBounds, functionBounds, layOutCode } from "./index.ts";

/** `readelf -wfN` (frames, no links followed) prints each FDE with `pc=START..END`; ranges without a length are left out. */
function readelfBounds(path: string): string[] {
  const ranges: string[] = [];
  for (const [, start, end] of run("readelf", "-wfN", path).matchAll(/FDE .* pc=([0-9a-f]+)\.\.([0-9a-f]+)$/gm))
    if (start !== end) ranges.push(`${start}..${end}`);
  return ranges.sort();
}

function boundsOf(elf: ElfFile): string[] {
  const { starts, ends } = functionBounds(elf);
  const width = elf.is64 ? 16 : 8;
  return Array.from(starts, (start, i) => `${hex(start, width)}..${hex(ends[i], width)}`);
}

const FILES = [...REAL_FILES, ...FIXTURES.filter((path) => !path.endsWith(".o"))];

test.for(FILES)("the ranges of %s equal readelf's and are sorted", (path, context) => {
  needTools(context, "readelf", path);
  const elf = openPath(path);
  expect(boundsOf(elf)).toEqual(readelfBounds(path));
  expect(elf.problems).toEqual([]);
});

test.for([
  ["with terminators in the middle", "-static"],
  ["by lld", "-fuse-ld=lld"],
])("x86-64, linked %s", ([, ...options], context) => {
  needTools(context, "gcc", "readelf", "ld.lld");
  const program = join(temporaryDirectory(), "program");
  run("gcc", "-O1", ...options, "-o", program, fixture("shapes.c"));
  const expected = readelfBounds(program);
  expect(expected.length).toBeGreaterThan(3);
  expect(boundsOf(openPath(program))).toEqual(expected);
});

test("without section headers the tables are found by PT_GNU_EH_FRAME", (context) => {
  needTools(context, "readelf", "/bin/bash");
  const bytes = readFileSync("/bin/bash");
  bytes.fill(0, 40, 48); // e_shoff
  expect(boundsOf(openBytes("bash", bytes))).toEqual(readelfBounds("/bin/bash"));
});

test("a damaged entry is left out and its neighbours stay", (context) => {
  needTools(context, "readelf", "/bin/bash");
  const bytes = readFileSync("/bin/bash");
  const { offset } = openPath("/bin/bash").section(".eh_frame")!;
  // The first entry is the CIE; let the first FDE behind it point to a CIE that is not there.
  const first = offset + 4 + bytes.readUInt32LE(offset);
  bytes.writeUInt32LE(0x7fffffff, first + 4);
  const elf = openBytes("damaged", bytes);
  const expected = readelfBounds("/bin/bash");
  const found = boundsOf(elf);
  expect(found.length).toBe(expected.length - 1);
  expect(found.filter((range) => !expected.includes(range))).toEqual([]);
  expect(elf.problems.length).toBe(1);
});

test("in a relocatable file each section's functions stand where the section is laid out", (context) => {
  needTools(context, "readelf");
  const path = fixture("shapes-powerpc.o");
  const elf = openPath(path);
  const layout = layOutCode(elf)!;
  // -ffunction-sections: every function starts its own section; those written in assembly are in .text, without an FDE.
  const expected = readelfSymbols(path)
    .get(".symtab")!
    .filter(({ type, size }) => type === 2 && size > 0)
    .filter(({ section }) => elf.sections[section!].name !== ".text")
    .map(({ section, size }) => [layout.base(elf.sections[section!]), size].join(" "));
  const { starts, ends } = functionBounds(elf);
  const found = Array.from(starts, (start, i) => [start, ends[i] - start].join(" "));
  expect(found.length).toBeGreaterThan(3);
  expect(found.sort()).toEqual([...new Set(expected)].sort());
});

test("an address finds the range that contains it", () => {
  const bounds = { starts: Float64Array.of(10, 20, 25), ends: Float64Array.of(15, 40, 30) };
  const found = [9, 10, 14, 15, 20, 25, 29].map((address) => findBounds(bounds, address)?.start);
  expect(found).toEqual([undefined, 10, 10, undefined, 20, 25, 25]);
});
