/**
 * GNU readelf's tables as objects, in the vocabulary of src/elf, to compare whole tables with.
 */

import { run } from "./oracle.ts";

const TYPES = new Map([
  ["NOTYPE", 0],
  ["OBJECT", 1],
  ["FUNC", 2],
  ["SECTION", 3],
  ["FILE", 4],
  ["COMMON", 5],
  ["TLS", 6],
  ["IFUNC", 10],
]);
const BINDS = new Map([
  ["LOCAL", 0],
  ["GLOBAL", 1],
  ["WEAK", 2],
  ["UNIQUE", 10],
]);
const VISIBILITIES = ["DEFAULT", "INTERNAL", "HIDDEN", "PROTECTED"];
const SPECIAL_INDEXES = new Map([
  ["UND", 0],
  ["ABS", 0xfff1 - 0x10000],
  ["COM", 0xfff2 - 0x10000],
]);

export type ReadelfSymbol = {
  value: string;
  size: number;
  type: number | undefined;
  bind: number | undefined;
  visibility: number;
  section: number | undefined;
  name: string;
};

/** `readelf -sW`: rows by table name. The value stays hexadecimal text; `(2)` behind a needed version is left out. */
export function readelfSymbols(path: string): Map<string, ReadelfSymbol[]> {
  const tables = new Map<string, ReadelfSymbol[]>();
  let rows: ReadelfSymbol[] = [];
  for (const line of run("readelf", "-sW", path).split("\n")) {
    const heading = /^Symbol table '(.*)' contains/.exec(line);
    if (heading) {
      rows = [];
      tables.set(heading[1], rows);
    }
    const row =
      /^ *\d+: ([0-9a-f]+) +(0x[0-9a-f]+|\d+) (\S+) +(\S+) +(\S+)(?: +\[[^\]]*\])? +(\S+)(?: \[[^\]]*\])? ?(.*)$/.exec(
        line,
      );
    if (!row) continue;
    rows.push({
      value: row[1],
      size: Number(row[2]),
      type: TYPES.get(row[3]),
      bind: BINDS.get(row[4]),
      visibility: VISIBILITIES.indexOf(row[5]),
      section: SPECIAL_INDEXES.get(row[6]) ?? Number(row[6]),
      name: row[7].replace(/ \(\d+\)$/, ""),
    });
  }
  return tables;
}

export type ReadelfSection = {
  name: string;
  type: string;
  address: string;
  offset: string;
  size: string;
  entrySize: string;
  flags: string;
  link: number;
  info: number;
  align: number;
};

/** `readelf -SW`; numbers that it prints in hexadecimal stay text. */
export function readelfSections(path: string): ReadelfSection[] {
  const sections: ReadelfSection[] = [];
  for (const line of run("readelf", "-SW", path).split("\n")) {
    const row =
      /^ +\[ *\d+\] (.*?) *(SYMTAB SECTION INDICES|\S+) +([0-9a-f]{8,16}) ([0-9a-f]{6,}) ([0-9a-f]{6,}) ([0-9a-f]{2,}) +([A-Zpoxl]*) +(\d+) +(\d+) +(\d+)$/.exec(
        line,
      );
    if (!row) continue;
    const [, name, type, address, offset, size, entrySize, flags, link, info, align] = row;
    sections.push({
      name,
      type,
      address,
      offset,
      size,
      entrySize,
      flags,
      link: Number(link),
      info: Number(info),
      align: Number(align),
    });
  }
  return sections;
}

export type ReadelfSegment = {
  type: string;
  offset: number;
  address: string;
  fileSize: number;
  memorySize: number;
  flags: string;
  align: number;
};

/** `readelf -lW` */
export function readelfSegments(path: string): ReadelfSegment[] {
  const segments: ReadelfSegment[] = [];
  for (const line of run("readelf", "-lW", path).split("\n")) {
    const row =
      /^ +(\S+) +(0x[0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+ (0x[0-9a-f]+) (0x[0-9a-f]+) ([R ][W ][E ]) (0x[0-9a-f]+|0)$/.exec(
        line,
      );
    if (!row) continue;
    segments.push({
      type: row[1],
      offset: Number(row[2]),
      address: row[3],
      fileSize: Number(row[4]),
      memorySize: Number(row[5]),
      flags: row[6].replaceAll(" ", ""),
      align: Number(row[7]),
    });
  }
  return segments;
}
