/**
 * Symbol versions (Linux Standard Base 5, "Symbol Versioning"): `.gnu.version` gives each dynamic symbol a number, and
 * `.gnu.version_d` (defined here) and `.gnu.version_r` (needed from others) give the numbers names.
 */

import { type ByteSource, decodeText, readCString } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { LeaklineError } from "../base/errors.ts";
import { SHN_UNDEF, SHT_GNU_VERDEF, SHT_GNU_VERNEED, SHT_GNU_VERSYM } from "./constants.ts";
import type { ElfFile } from "./elf-file.ts";

/** Set in a symbol's version number when the linker must not bind to it by the bare name. */
const HIDDEN = 0x8000;
/** Version numbers 0 (local) and 1 (global, unversioned) have no name. */
const FIRST_NAMED = 2;
const MAX_NAME = 4096;

export type SymbolVersions = {
  /** What follows the name of dynamic symbol `row`: `@@VERSION`, `@VERSION`, or nothing. */
  suffix(row: number, name: string, sectionIndex: number): string;
};

/** Reads all version names; what is damaged is put into the file's `problems` and has no names. */
export function readSymbolVersions(elf: ElfFile): SymbolVersions {
  const defined = new Map<number, string>();
  const needed = new Map<number, string>();
  let numbers: Cursor | undefined;
  try {
    numbers = openVersions(elf, SHT_GNU_VERSYM, MAX_NUMBERS)?.cursor;
    const definitions = openVersions(elf, SHT_GNU_VERDEF, MAX_NAMES);
    if (definitions) readDefinitions(definitions.cursor, definitions.strings, defined);
    const needs = openVersions(elf, SHT_GNU_VERNEED, MAX_NAMES);
    if (needs) readNeeds(needs.cursor, needs.strings, needed);
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    elf.problems.push(error);
  }
  return {
    suffix(row, name, sectionIndex) {
      if (!numbers || row * 2 + 2 > numbers.end) return "";
      numbers.seek(row * 2);
      const stored = numbers.u16();
      const number = stored & ~HIDDEN;
      if (number < FIRST_NAMED) return "";
      // A copy-relocated variable is defined here with a version that another file defines: look in both.
      const definition = sectionIndex === SHN_UNDEF ? undefined : defined.get(number);
      // The symbol that stands for the version itself.
      if (definition === name) return "";
      if (definition !== undefined) return `${stored & HIDDEN ? "@" : "@@"}${definition}`;
      const need = needed.get(number);
      return need === undefined ? "" : `@${need}`;
    },
  };
}

/** Verdef (20 bytes) and its first Verdaux, which has the name. */
function readDefinitions(cursor: Cursor, strings: ByteSource, into: Map<number, string>): void {
  const size = 20;
  for (let at = 0; ; ) {
    cursor.seek(at + 4);
    const number = cursor.u16();
    cursor.skip(2 + 4); // vd_cnt, vd_hash
    const auxiliary = cursor.u32();
    const next = cursor.u32();
    cursor.seek(at + auxiliary);
    into.set(number, versionName(strings, cursor.u32()));
    // Entries that overlap would be read for ever.
    if (next < size) return;
    at += next;
  }
}

/** Verneed (16 bytes), one for each file, each with a list of Vernaux (16 bytes). */
function readNeeds(cursor: Cursor, strings: ByteSource, into: Map<number, string>): void {
  const size = 16;
  // Lists may overlap in a hostile file: no more entries than fit the section.
  let left = Math.floor(cursor.end / size);
  for (let at = 0; ; ) {
    cursor.seek(at + 8);
    let auxiliary = at + cursor.u32();
    const next = cursor.u32();
    for (let nextAuxiliary = size; nextAuxiliary >= size && left > 0; left--) {
      cursor.seek(auxiliary + 6);
      const number = cursor.u16() & ~HIDDEN;
      const name = cursor.u32();
      nextAuxiliary = cursor.u32();
      into.set(number, versionName(strings, name));
      auxiliary += nextAuxiliary;
    }
    if (next < size) return;
    at += next;
  }
}

/** The first section of a type, and the one it links to: the strings, or for SHT_GNU_VERSYM the symbols. */
function openVersions(elf: ElfFile, type: number, limit: number): { cursor: Cursor; strings: ByteSource } | undefined {
  const section = elf.sections.find((candidate) => candidate.type === type);
  const data = section && elf.sectionData(section);
  const linked = section && elf.sections[section.link];
  const strings = linked && elf.sectionData(linked);
  if (!data || !strings || data.size > limit) return undefined;
  return { cursor: new Cursor(data.read(0, data.size), elf.littleEndian, elf.name, section.name), strings };
}

function versionName(strings: ByteSource, offset: number): string {
  return decodeText(readCString(strings, offset, MAX_NAME));
}

/** Bytes of `.gnu.version`: two for each symbol. */
const MAX_NUMBERS = 1 << 25;
/** Bytes of the other two: about forty for each version. */
const MAX_NAMES = 1 << 20;
