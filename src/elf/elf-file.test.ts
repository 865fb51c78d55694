import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FIXTURES, openPath, REAL_FILES } from "../../test/support/elf-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { readelfSections, readelfSegments } from "../../test/support/readelf.ts";
import { hex } from "../base/address.ts";
import { memorySource } from "../base/bytes.ts";
import { openFile } from "../os/file-bytes.ts";
import { type ElfFile, openElf } from "./index.ts";

/** gABI 4, sh_flags and sh_type, as `readelf` abbreviates them. */
const FLAG_LETTERS: [number, string][] = [
  [0x1, "W"],
  [0x2, "A"],
  [0x4, "X"],
  [0x10, "M"],
  [0x20, "S"],
  [0x40, "I"],
  [0x80, "L"],
  [0x100, "O"],
  [0x200, "G"],
  [0x400, "T"],
  [0x800, "C"],
];
const SECTION_TYPES: Record<string, number> = {
  NULL: 0,
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  HASH: 5,
  DYNAMIC: 6,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  DYNSYM: 11,
  INIT_ARRAY: 14,
  FINI_ARRAY: 15,
  GROUP: 17,
  "SYMTAB SECTION INDICES": 18,
  GNU_HASH: 0x6ffffff6,
  VERDEF: 0x6ffffffd,
  VERNEED: 0x6ffffffe,
  VERSYM: 0x6fffffff,
};
const SEGMENT_TYPES: Record<string, number> = {
  NULL: 0,
  LOAD: 1,
  DYNAMIC: 2,
  INTERP: 3,
  NOTE: 4,
  PHDR: 6,
  TLS: 7,
  GNU_EH_FRAME: 0x6474e550,
  GNU_STACK: 0x6474e551,
  GNU_RELRO: 0x6474e552,
  GNU_PROPERTY: 0x6474e553,
};

function expectSameSegments(elf: ElfFile, path: string): void {
  const expected = readelfSegments(path);
  const known = elf.segments.map((segment, i) => ({
    // A type that the specification does not know is printed in words of readelf's own: not compared.
    type: expected[i] && SEGMENT_TYPES[expected[i].type] === undefined ? expected[i].type : typeName(segment.type),
    offset: segment.offset,
    address: hex(segment.address, elf.is64 ? 16 : 8),
    fileSize: segment.fileSize,
    memorySize: segment.memorySize,
    flags: (segment.flags & 4 ? "R" : "") + (segment.flags & 2 ? "W" : "") + (segment.flags & 1 ? "E" : ""),
    align: segment.align,
  }));
  expect(known).toEqual(expected);
}

function typeName(type: number): string {
  return Object.keys(SEGMENT_TYPES).find((name) => SEGMENT_TYPES[name] === type) ?? hex(type);
}

function expectSameSections(elf: ElfFile, path: string): void {
  const expected = readelfSections(path);
  expect(elf.sections.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const section = elf.sections[i];
    const row = expected[i];
    const known = {
      name: section.name,
      type:
        SECTION_TYPES[row.type] === section.type ? row.type : row.type in SECTION_TYPES ? hex(section.type) : row.type,
      address: hex(section.address, elf.is64 ? 16 : 8),
      offset: hex(section.offset, 6),
      size: hex(section.size, 6),
      entrySize: hex(section.entrySize, 2),
      flags: FLAG_LETTERS.filter(([bit]) => section.flags & bit)
        .map(([, letter]) => letter)
        .join(""),
      link: section.link,
      info: section.info,
      align: section.align,
    };
    // Flags of a processor or operating system have letters of their own.
    expect(known).toEqual({ ...row, flags: row.flags.replace(/[^WAXMSILOGTC]/g, "") });
  }
}

describe.each([...REAL_FILES, ...FIXTURES])("headers of %s", (path) => {
  test("segments equal readelf's", (context) => {
    needTools(context, "readelf", path);
    expectSameSegments(openPath(path), path);
  });

  test("sections equal readelf's", (context) => {
    needTools(context, "readelf", path);
    expectSameSections(openPath(path), path);
  });

  test("header and build ID equal readelf's", (context) => {
    needTools(context, "readelf", path);
    const elf = openPath(path);
    const header = run("readelf", "-hW", path);
    expect(`0x${hex(elf.entry)}`).toBe(/Entry point address: +(0x[0-9a-f]+)/.exec(header)?.[1]);
    expect(elf.is64 ? "ELF64" : "ELF32").toBe(/Class: +(\S+)/.exec(header)?.[1]);
    expect(elf.littleEndian).toBe(/little endian/.test(header));
    expect(elf.buildId).toBe(/Build ID: ([0-9a-f]+)/.exec(run("readelf", "-nW", path))?.[1]);
    expect(elf.problems).toEqual([]);
  });
});

test("the build ID is found by the program headers when there are no section headers", (context) => {
  needTools(context, "readelf", "/bin/bash");
  const bytes = Buffer.from(readFileSync("/bin/bash"));
  bytes.writeBigUInt64LE(0n, 0x28); // e_shoff
  const elf = openElf(memorySource("bash without sections", bytes));
  expect(elf.sections).toEqual([]);
  expect(elf.buildId).toBe(/Build ID: ([0-9a-f]+)/.exec(run("readelf", "-nW", "/bin/bash"))?.[1]);
});

test("a damaged section table leaves the segments, and a reason", (context) => {
  needTools(context, "readelf", "/bin/bash");
  const bytes = Buffer.from(readFileSync("/bin/bash"));
  bytes.writeBigUInt64LE(0x7fffffffffffffffn, 0x28); // e_shoff
  const elf = openElf(memorySource("damaged bash", bytes));
  expectSameSegments(elf, "/bin/bash");
  expect(elf.sections).toEqual([]);
  expect(elf.problems[0].message).toMatch(/section headers/);
});

test("more sections than 16 bits can count", (context) => {
  needTools(context, "as", "readelf");
  const directory = temporaryDirectory();
  const count = 0xff00 + 300;
  const source = join(directory, "many.s");
  const lines: string[] = [];
  for (let i = 0; i < count; i++)
    lines.push(`.section .s${i},"ax"\n.globl f${i}\n.type f${i},@function\nf${i}: nop\n.size f${i},1`);
  writeFileSync(source, `${lines.join("\n")}\n`);
  const object = join(directory, "many.o");
  execFileSync("as", ["-o", object, source]);
  const elf = openPath(object);
  expect(elf.sections.length).toBeGreaterThan(count);
  expectSameSections(elf, object);
});

test("more program headers than 16 bits can count", () => {
  // Written by hand after gABI 4: e_phnum is PN_XNUM and section 0's sh_info has the count.
  const count = 0xffff + 5;
  const bytes = Buffer.alloc(64 + count * 56 + 64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(4, 16);
  bytes.writeUInt16LE(62, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeBigUInt64LE(BigInt(64 + count * 56), 40);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(0xffff, 56);
  bytes.writeUInt16LE(64, 58);
  bytes.writeUInt16LE(1, 60);
  for (let i = 0; i < count; i++) {
    bytes.writeUInt32LE(1, 64 + i * 56);
    bytes.writeBigUInt64LE(BigInt(i) * 4096n, 64 + i * 56 + 16);
  }
  bytes.writeUInt32LE(count, 64 + count * 56 + 44);
  const elf = openElf(memorySource("core", bytes));
  expect(elf.segments.length).toBe(count);
  expect(elf.segments[count - 1].address).toBe((count - 1) * 4096);
});

test("a core file's segments equal readelf's", (context) => {
  needTools(context, "gdb", "readelf", "/bin/sleep");
  const core = join(temporaryDirectory(), "core");
  run("gdb", "-batch", "-nx", "-ex", "starti", "-ex", `generate-core-file ${core}`, "-ex", "kill", "/bin/sleep");
  const file = openFile(core);
  const elf = openElf(file);
  expect(elf.type).toBe(4);
  expectSameSegments(elf, core);
  file.close();
});

test("opening a large file reads only its headers", (context) => {
  needTools(context, process.execPath);
  const file = openFile(process.execPath);
  openElf(file);
  expect(file.size).toBeGreaterThan(10_000_000);
  expect(file.bytesRead).toBeLessThan(100_000);
  file.close();
});
