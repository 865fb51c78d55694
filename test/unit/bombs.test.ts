/**
 * Files made to hurt: small, and asking for far more than they are. Whatever they do, `exercise` (test/hostile) finds
 * the work in proportion, answers stay short, and the sound unit beside them answers as ever.
 */

import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { virtualAddress } from "../../src/base/address.ts";
import { memorySource } from "../../src/base/bytes.ts";
import * as dw from "../../src/dwarf/constants.ts";
import { openElf } from "../../src/elf/index.ts";
import { openLocalModule } from "../../src/symbolize/local/local-module.ts";
import { buildElf, compressed, joined, type SectionContent } from "../hostile/elf-builder.ts";
import { exercise, type Outcome } from "../hostile/exercise.ts";
import {
  abbreviations,
  Bytes,
  endSequence,
  lineProgram,
  setAddress,
  UNIT_HEADER,
  unit,
} from "../support/dwarf-builder.ts";
import { temporaryDirectory } from "../support/oracle.ts";

// Codes of the abbreviations that the units below share.
const UNIT = 1;
const FUNCTION = 2;
const INLINED = 3;
const SHARED_NAME = 4;
const LISTED = 5;
const ORIGIN = 6;
const LINES = 7;

const CODE = [dw.DW_AT_low_pc, dw.DW_FORM_addr, dw.DW_AT_high_pc, dw.DW_FORM_data4];
const ABBREVIATIONS = abbreviations(
  [UNIT, dw.DW_TAG_compile_unit, true, []],
  [FUNCTION, dw.DW_TAG_subprogram, true, [dw.DW_AT_name, dw.DW_FORM_string, ...CODE]],
  [INLINED, dw.DW_TAG_inlined_subroutine, true, [dw.DW_AT_abstract_origin, dw.DW_FORM_ref4, ...CODE]],
  [SHARED_NAME, dw.DW_TAG_inlined_subroutine, true, [dw.DW_AT_name, dw.DW_FORM_strp, ...CODE]],
  [
    LISTED,
    dw.DW_TAG_inlined_subroutine,
    true,
    [dw.DW_AT_name, dw.DW_FORM_string, dw.DW_AT_ranges, dw.DW_FORM_sec_offset],
  ],
  [ORIGIN, dw.DW_TAG_subprogram, false, [dw.DW_AT_abstract_origin, dw.DW_FORM_ref_addr, ...CODE]],
  [LINES, dw.DW_TAG_compile_unit, true, [dw.DW_AT_stmt_list, dw.DW_FORM_sec_offset, ...CODE]],
).done();

const BOMB = 0x2000;
const SOUND = 0x8000;
/** Names, paths and reasons of all frames of an address, in characters: a few megabytes, whatever the file refers to. */
const MAX_TEXT = 1 << 23;

/** A unit with one function that is just so. */
function soundUnit(): Bytes {
  return unit(new Bytes().uleb(UNIT, FUNCTION).text("sound").u64(SOUND).u32(0x10).u8(0, 0));
}

/** A function at BOMB with what is in it. */
function bombUnit(content: Bytes): Bytes {
  const dies = new Bytes().uleb(UNIT, FUNCTION).text("bomb").u64(BOMB).u32(0x1000);
  return unit(dies.add(content).u8(0, 0));
}

function sections(info: Bytes, more: Record<string, Bytes> = {}): Record<string, SectionContent> {
  const all: Record<string, SectionContent> = {
    ".debug_info": { bytes: info.done() },
    ".debug_abbrev": { bytes: ABBREVIATIONS },
  };
  for (const [name, bytes] of Object.entries(more)) all[name] = { bytes: bytes.done() };
  return all;
}

function ask(content: Record<string, SectionContent>, address: number): Outcome {
  const outcome = exercise(new Map([["/bomb", buildElf(content)]]), "/bomb", [address]);
  expect(outcome.opened).toBe(true);
  expect(outcome.work.longestText).toBeLessThan(MAX_TEXT);
  return outcome;
}

/** How many frames at an address have a name. */
function named(content: Record<string, SectionContent>, address: number): number {
  return ask(content, address).named;
}

test("the sound unit is found, and code in no unit is not", () => {
  expect(named(sections(soundUnit()), SOUND)).toBe(1);
  expect(named(sections(soundUnit()), BOMB)).toBe(0);
});

test("100,000 calls inlined into each other answer with the innermost, and end", () => {
  const depth = 100_000;
  const dies = new Bytes();
  for (let i = 0; i < depth; i++)
    dies
      .uleb(INLINED)
      .u32(UNIT_HEADER + 1)
      .u64(BOMB)
      .u32(0x100);
  for (let i = 0; i < depth; i++) dies.u8(0);
  const content = sections(soundUnit().add(bombUnit(dies)));
  expect(named(content, BOMB)).toBeGreaterThan(100);
  expect(named(content, SOUND)).toBe(1);
});

test("20,000 calls that share a name of a quarter of a megabyte", () => {
  const dies = new Bytes();
  // Each a little further into the same string, so that no two are the same.
  for (let i = 0; i < 20_000; i++) dies.uleb(SHARED_NAME).u32(i).u64(BOMB).u32(0x100);
  for (let i = 0; i < 20_000; i++) dies.u8(0);
  const content = sections(soundUnit().add(bombUnit(dies)));
  content[".debug_str"] = { bytes: new TextEncoder().encode(`${"n".repeat(1 << 18)}\0`) };
  expect(named(content, BOMB)).toBeGreaterThan(0);
  expect(named(content, SOUND)).toBe(1);
});

test("3,000 calls that share a list of 10,000 ranges", () => {
  const dies = new Bytes();
  for (let i = 0; i < 3000; i++) dies.uleb(LISTED).text("call").u32(0);
  for (let i = 0; i < 3000; i++) dies.u8(0);
  const ranges = new Bytes();
  for (let i = 0; i < 10_000; i++) ranges.u64(BOMB).u64(BOMB + 0x100);
  ranges.u64(0).u64(0);
  const content = sections(soundUnit().add(bombUnit(dies)), { ".debug_ranges": ranges });
  expect(named(content, BOMB)).toBeGreaterThan(0);
  expect(named(content, SOUND)).toBe(1);
});

test("origins that lead round in a circle through two units", () => {
  const first = new Bytes().uleb(UNIT, ORIGIN);
  const offset = UNIT_HEADER + 1;
  const length = offset + 1 + 4 + 8 + 4 + 1;
  first
    .u32(length + offset)
    .u64(BOMB)
    .u32(0x10)
    .u8(0);
  const second = new Bytes()
    .uleb(UNIT, ORIGIN)
    .u32(offset)
    .u64(BOMB + 0x10)
    .u32(0x10)
    .u8(0);
  const units = unit(first);
  expect(units.length).toBe(length);
  const content = sections(units.add(unit(second)).add(soundUnit()));
  expect(named(content, BOMB)).toBe(0);
  expect(named(content, SOUND)).toBe(1);
});

test("a line program of four million rows at one place", () => {
  const opcodes = setAddress(new Bytes(), BOMB);
  const copies = new Uint8Array(4 << 20).fill(dw.DW_LNS_copy);
  const end = endSequence(new Bytes().u8(dw.DW_LNS_advance_pc).uleb(0x10));
  const short = lineProgram(opcodes).done();
  const program = joined([short, copies, end.done()]);
  new DataView(program.buffer).setUint32(0, program.length - 4, true);
  const units = new Bytes().uleb(LINES).u32(0).u64(BOMB).u32(0x10).u8(0);
  const content = sections(unit(units).add(soundUnit()));
  content[".debug_line"] = { bytes: program };
  ask(content, BOMB);
  expect(named(content, SOUND)).toBe(1);
});

test("a table of a million abbreviations, in kilobytes when it is compressed", () => {
  const count = 1_000_000;
  const table = new Uint8Array(count * 6 + 1);
  for (let code = 1; code <= count; code++)
    // A code of three bytes, a tag, no children, no attributes; 0x40_0000 codes fit.
    table.set([(code & 0x7f) | 0x80, ((code >> 7) & 0x7f) | 0x80, code >> 14, 0x0b, 0, 0], (code - 1) * 6);
  const content = sections(soundUnit());
  const own = joined([ABBREVIATIONS, table]);
  content[".debug_abbrev"] = compressed(own.length, deflateSync(own));
  const far = unit(new Bytes().uleb(count, count), 8, ABBREVIATIONS.length);
  content[".debug_info"] = { bytes: soundUnit().add(far).done() };
  expect(named(content, SOUND)).toBe(1);
});

test.each([
  ["far more than its bytes can hold", 1n << 40n],
  ["as much as 64 bits can say", (1n << 64n) - 1n],
  ["a little less than there is", 10n],
  ["a little more than there is", 100_000n],
])("a compressed section that states %s", (_, size) => {
  const info = soundUnit().add(bombUnit(new Bytes()));
  const content = sections(info);
  content[".debug_info"] = compressed(size, deflateSync(info.done()));
  expect(ask(content, SOUND).work.bytesDecompressed).toBe(0);
  content[".debug_info"] = compressed(info.length, deflateSync(info.done()));
  expect(named(content, SOUND)).toBe(1);
});

test("64 MiB of zeros that were compressed to kilobytes are read as damage", () => {
  const zeros = new Uint8Array(64 << 20);
  const content = sections(soundUnit());
  content[".debug_info"] = compressed(zeros.length, deflateSync(zeros));
  expect(ask(content, SOUND).named).toBe(0);
});

test("more zeros than that are not even decompressed", () => {
  const zeros = new Uint8Array(65 << 20);
  const content = sections(soundUnit());
  content[".debug_info"] = compressed(zeros.length, deflateSync(zeros));
  expect(ask(content, SOUND).work.bytesDecompressed).toBe(0);
});

test("a sparse file with a unit of a terabyte", () => {
  const size = 2 ** 40;
  const header = new Bytes()
    .u32(0xffff_ffff)
    .u64(size - 12)
    .u16(4)
    .u64(0)
    .u8(8); // 64-bit DWARF, version 4
  const content = sections(new Bytes());
  // Last in the file, so that it can be made longer than what is written.
  const bytes = buildElf({ ...content, ".debug_info": { bytes: header.uleb(UNIT, FUNCTION).text("huge").done() } });
  const path = join(temporaryDirectory(), "sparse");
  writeFileSync(path, withLongSection(bytes, ".debug_info", size));
  truncateSync(path, bytes.length + size);
  const module = openLocalModule(path, []);
  const [frame] = module.find(virtualAddress(SOUND), false);
  expect(frame.symbol).toBeUndefined();
  expect(frame.reason).toMatch(/./);
  module.close();
});

/** The same with another size in a section's header. */
function withLongSection(bytes: Uint8Array, name: string, size: number): Uint8Array {
  const elf = openElf(memorySource("long", bytes));
  const view = new DataView(bytes.buffer);
  const table = Number(view.getBigUint64(40, true));
  view.setBigUint64(table + (elf.section(name)?.index ?? 0) * 64 + 32, BigInt(size), true);
  return bytes;
}

test.each(["header", "abbreviations", "tree", "ranges"])("a unit with a damaged %s spoils only itself", (what) => {
  const dies = new Bytes().uleb(UNIT, FUNCTION).text("bomb").u64(BOMB).u32(0x1000).u8(0, 0);
  let broken = unit(dies).done();
  if (what === "header") broken[4] = 99; // version
  if (what === "abbreviations") broken = unit(dies, 8, 0xfff0).done();
  if (what === "tree") broken[UNIT_HEADER + 1] = 0x7f; // a code that the table does not have
  if (what === "ranges") broken = unit(new Bytes().uleb(UNIT, LISTED).text("bomb").u32(0xffff_fff0).u8(0, 0)).done();
  for (const order of [
    [broken, soundUnit().done()],
    [soundUnit().done(), broken],
  ]) {
    const content = sections(new Bytes());
    content[".debug_info"] = { bytes: joined(order) };
    expect(named(content, SOUND)).toBe(1);
  }
});
