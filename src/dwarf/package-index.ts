/**
 * Finds a split unit in a package file, .dwp (DWARF 5 §7.3.5; version 2 is GNU's for DWARF 4).
 *
 * A package holds the sections of many .dwo files end to end. Its index is a hash table from a unit's id to a row, and
 * each row says which part of each section is the unit's. Sliced by these, the package looks like the one .dwo.
 */

import { type ByteSource, sliceSource } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import type { DwarfInput } from "./input.ts";
import { MAX_PROBES } from "./limits.ts";

/** Version, columns, units and slots, four bytes each. */
const HEADER_SIZE = 16;

/** Sections by the number that a package file's column has, DWARF 5 §7.3.5.3; below, GNU's numbers of version 2. */
const DW_SECT_NAMES_V5: Readonly<Record<number, string>> = {
  1: ".debug_info.dwo",
  3: ".debug_abbrev.dwo",
  4: ".debug_line.dwo",
  5: ".debug_loclists.dwo",
  6: ".debug_str_offsets.dwo",
  7: ".debug_macro.dwo",
  8: ".debug_rnglists.dwo",
};
const DW_SECT_NAMES_V2: Readonly<Record<number, string>> = {
  1: ".debug_info.dwo",
  2: ".debug_types.dwo",
  3: ".debug_abbrev.dwo",
  4: ".debug_line.dwo",
  5: ".debug_loc.dwo",
  6: ".debug_str_offsets.dwo",
  7: ".debug_macinfo.dwo",
  8: ".debug_macro.dwo",
};

/** Whether the file is a package. */
export function isPackage(input: DwarfInput): boolean {
  return input.section(".debug_cu_index") !== undefined;
}

/**
 * The part of a package that is one unit's.
 *
 * @returns undefined when the package does not have it.
 * @throws MalformedError when the index is damaged.
 */
export function unitInPackage(input: DwarfInput, id: bigint): DwarfInput | undefined {
  const source = input.section(".debug_cu_index");
  if (source === undefined || source.size === 0) return undefined;
  const at = (offset: number, length: number) =>
    new Cursor(source.read(offset, length), input.littleEndian, input.name, ".debug_cu_index", offset);
  const header = at(0, HEADER_SIZE);
  // Version 5 has two bytes for the version and two of padding; in version 2, all four are the version.
  const version = header.u16() || header.u16();
  header.seek(4);
  const columns = header.u32();
  const units = header.u32();
  const slots = header.u32();
  if (version !== 2 && version !== 5) throw header.malformed(`package index of version ${version}`, 0);

  const row = findRow(at, id, slots);
  if (row === undefined) return undefined;
  if (row === 0 || row > units) throw header.malformed(`row ${row} of ${units}`);
  const names = HEADER_SIZE + slots * 12;
  const offsets = names + columns * 4;
  const sizes = offsets + units * columns * 4;
  const sectionNames = version === 5 ? DW_SECT_NAMES_V5 : DW_SECT_NAMES_V2;
  const parts = new Map<string, ByteSource | undefined>();
  for (let column = 0; column < columns; column++) {
    const name = sectionNames[at(names + column * 4, 4).u32()];
    const whole = name === undefined ? undefined : input.section(name);
    if (name === undefined || whole === undefined) continue;
    const cell = ((row - 1) * columns + column) * 4;
    const offset = at(offsets + cell, 4).u32();
    parts.set(name, sliceSource(whole, whole.name, offset, at(sizes + cell, 4).u32()));
  }
  return {
    name: input.name,
    littleEndian: input.littleEndian,
    // Strings are shared by all units, and have no column.
    section: (name) => (name === ".debug_str.dwo" ? input.section(name) : parts.get(name)),
  };
}

/** The number of the unit's row, from 1, or undefined (§7.3.5.3: open addressing, with a second hash as the step). */
function findRow(at: (offset: number, length: number) => Cursor, id: bigint, slots: number): number | undefined {
  if (slots === 0) return undefined;
  const mask = BigInt(slots - 1);
  let slot = Number(id & mask);
  const step = Number(((id >> 32n) & mask) | 1n);
  for (let tries = 0; tries < Math.min(slots, MAX_PROBES); tries++) {
    const found = at(HEADER_SIZE + slot * 8, 8).u64big();
    const row = at(HEADER_SIZE + slots * 8 + slot * 4, 4).u32();
    if (found === id && row !== 0) return row;
    if (found === 0n && row === 0) return undefined;
    slot = (slot + step) % slots;
  }
  return undefined;
}
