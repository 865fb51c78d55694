/**
 * Damaged call frame information: whatever the bytes, only LeaklineErrors, and one bad entry spoils only itself.
 */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openBytes } from "../../test/support/elf-files.ts";
import { LeaklineError } from "../base/errors.ts";
import { compileUnwindTable, lookupRule, ruleText, type UnwindTable } from "./index.ts";

const CODE = 0x1000;
const CODE_SIZE = 0x100000;

/** An x86-64 file with an executable segment at CODE and these bytes as `.eh_frame`. */
function elfWith(frames: Uint8Array, machine = 62): Uint8Array {
  const names = Buffer.from("\0.eh_frame\0.shstrtab\0", "latin1");
  const [framesAt, namesAt] = [0x100, 0x100 + frames.length];
  const sectionsAt = namesAt + names.length;
  const bytes = Buffer.alloc(sectionsAt + 3 * 64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(bytes);
  bytes.writeUInt16LE(3, 16); // ET_DYN
  bytes.writeUInt16LE(machine, 18);
  bytes.writeBigUInt64LE(64n, 32); // program headers
  bytes.writeBigUInt64LE(BigInt(sectionsAt), 40);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt16LE(64, 58);
  bytes.writeUInt16LE(3, 60);
  bytes.writeUInt16LE(2, 62);
  bytes.writeUInt32LE(1, 64); // PT_LOAD
  bytes.writeUInt32LE(5, 68); // readable, executable
  bytes.writeBigUInt64LE(BigInt(CODE), 64 + 16);
  bytes.writeBigUInt64LE(BigInt(CODE_SIZE), 64 + 40);
  frames.forEach((byte, i) => {
    bytes[framesAt + i] = byte;
  });
  names.copy(bytes, namesAt);
  for (const [i, name, type, at, size] of [
    [1, 1, 1, framesAt, frames.length],
    [2, 11, 3, namesAt, names.length],
  ]) {
    const header = sectionsAt + i * 64;
    bytes.writeUInt32LE(name, header);
    bytes.writeUInt32LE(type, header + 4);
    bytes.writeBigUInt64LE(BigInt(at), header + 24);
    bytes.writeBigUInt64LE(BigInt(size), header + 32);
  }
  return bytes;
}

function word(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
}

function entry(...content: number[]): number[] {
  return [...word(content.length), ...content];
}

/** Version 1, augmentation "zR" with absolute 4-byte addresses, code alignment 1, data alignment -8, return column 16. */
function cie(...program: number[]): number[] {
  return entry(0, 0, 0, 0, 1, 0x7a, 0x52, 0, 1, 0x78, 16, 1, 0x03, ...program);
}

/** CFA = rsp + 8, return address at CFA - 8. */
const USUAL_CIE = cie(0x0c, 7, 8, 0x90, 1);

/** A section: the CIE first, then FDEs for CODE + start. */
function section(first: number[], ...fdes: { start: number; size: number; program?: number[] }[]): Uint8Array {
  const bytes = [...first];
  for (const { start, size, program = [] } of fdes)
    bytes.push(...entry(...word(bytes.length + 4), ...word(CODE + start), ...word(size), 0, ...program));
  return Uint8Array.from(bytes);
}

function compile(frames: Uint8Array): UnwindTable {
  return compileUnwindTable(openBytes("hostile", elfWith(frames)));
}

function rulesAt(table: UnwindTable, ...addresses: number[]): string[] {
  return addresses.map((address) => ruleText(lookupRule(table, CODE + address)));
}

test.for<[string, number[]]>([
  ["an instruction that does not exist", [0x3f]],
  ["an operand that is cut off", [0x0e, 0x80]],
  ["a state that was never remembered", [0x0b]],
  ["states remembered without end", new Array(100_000).fill(0x0a)],
  ["a location that goes backwards", [0x01, ...word(CODE)]],
  ["an advance below zero", [0x1d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ["an expression longer than its program", [0x0f, 0x7f, 0x77, 0]],
  ["a CFA register that replaces an expression", [0x0f, 2, 0x77, 0, 0x0d, 6]],
  ["a CFA offset that replaces an expression", [0x0f, 2, 0x77, 0, 0x0e, 16]],
])("%s spoils the rest of its entry only", (damage) => {
  // After 16 bytes the CFA is rsp + 16; the damage stands at 32.
  const program = [0x50, 0x0e, 16, 0x50, ...damage[1]];
  const table = compile(
    section(
      USUAL_CIE,
      { start: 0, size: 0x100 },
      { start: 0x100, size: 0x100, program },
      { start: 0x200, size: 0x100 },
    ),
  );
  const found = rulesAt(table, 0, 0xff, 0x100, 0x110, 0x11f, 0x120, 0x1ff, 0x200, 0x2ff, 0x300);
  expect(found).toEqual(["rsp+8", "rsp+8", "rsp+8", "rsp+16", "rsp+16", "none", "none", "rsp+8", "rsp+8", "none"]);
  expect(table.gaps["damaged entry"]).toBe(1);
});

test("a damaged CIE leaves its entries without rules", () => {
  const table = compile(section(cie(0x0c, 7, 8, 0x90, 1, 0x3f), { start: 0, size: 0x100 }));
  expect(rulesAt(table, 0, 0xff)).toEqual(["none", "none"]);
  expect(table.gaps["CFA not defined"]).toBe(1);
});

test("an advance in a CIE does not move the rows of its entries", () => {
  const table = compile(section(cie(0x0c, 7, 8, 0x90, 1, 0x50), { start: 0, size: 0x100 }));
  expect(rulesAt(table, 0, 0xff, 0x100)).toEqual(["rsp+8", "rsp+8", "none"]);
});

test("rows beyond the end of an entry do not count", () => {
  const program = [0x02, 0xff, 0x0e, 16, 0x02, 0xff, 0x0e, 24];
  const table = compile(section(USUAL_CIE, { start: 0, size: 0x100, program }));
  expect(rulesAt(table, 0xfe, 0xff, 0x100, 0x1fe)).toEqual(["rsp+8", "rsp+16", "none", "none"]);
});

test("of overlapping entries, the one that starts last counts", () => {
  const table = compile(
    section(
      USUAL_CIE,
      { start: 0x40, size: 0x40, program: [0x0e, 16] },
      { start: 0, size: 0x100 },
      { start: 0x200, size: 0x40, program: [0x0e, 24] },
      { start: 0x200, size: 0x40, program: [0x0e, 32] },
    ),
  );
  expect(rulesAt(table, 0, 0x3f, 0x40, 0x7f, 0x80, 0x200)).toEqual([
    "rsp+8",
    "rsp+8",
    "rsp+16",
    "rsp+16",
    "none",
    "rsp+32",
  ]);
});

test("entries outside the code are left out", () => {
  const table = compile(
    section(
      USUAL_CIE,
      { start: -CODE, size: 0x2000 },
      { start: CODE_SIZE - 8, size: 9 },
      { start: CODE_SIZE, size: 8 },
    ),
  );
  expect(table.starts.length).toBe(0);
});

test("a file without call frame information has an empty table", () => {
  const table = compile(new Uint8Array());
  expect([table.starts.length, table.rules.length, table.base]).toEqual([0, 0, CODE]);
});

describe("random damage", () => {
  const original = section(
    USUAL_CIE,
    { start: 0, size: 0x100, program: [0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x0a, 0x60, 0x0c, 7, 8, 0x41, 0x0b] },
    { start: 0x100, size: 0x80, program: [0x45, 0x0c, 10, 0, 0x4c, 0x10, 6, 2, 0x76, 0, 0x42, 0x0f, 3, 0x76, 0x78, 6] },
    { start: 0x200, size: 0x400, program: [0x03, 0, 1, 0x0e, 0x80, 1, 0x07, 16, 0x48, 0xd0, 0x12, 6, 0x7e] },
    { start: 0x700, size: 0x10 },
  );
  const changes = fc.array(
    fc.tuple(fc.nat(original.length - 1), fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255))),
    { minLength: 1, maxLength: 10 },
  );

  test("gives a sorted table inside the code", () => {
    fc.assert(
      fc.property(changes, (list) => {
        const frames = Uint8Array.from(original);
        for (const [at, value] of list) frames[at] = value;
        const { starts, rules, base } = compile(frames);
        expect([base, rules.length]).toEqual([CODE, starts.length]);
        for (let i = 0; i < starts.length; i++) {
          expect(starts[i]).toBeLessThanOrEqual(CODE_SIZE);
          if (i > 0) expect(starts[i]).toBeGreaterThan(starts[i - 1]);
          if (i > 0) expect(rules[i]).not.toBe(rules[i - 1]);
        }
      }),
      { numRuns: 5000, verbose: true },
    );
  });

  test("of the whole file gives a table or a LeaklineError", () => {
    const file = elfWith(original);
    const places = fc.array(fc.tuple(fc.nat(file.length - 1), fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff)), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(places, (list) => {
        const bytes = Uint8Array.from(file);
        for (const [at, value] of list) bytes[at] = value;
        try {
          compileUnwindTable(openBytes("hostile", bytes));
        } catch (error) {
          if (!(error instanceof LeaklineError)) throw error;
        }
      }),
      { numRuns: 5000, verbose: true },
    );
  });
});

test.each([
  [999, "rsp+8"],
  [1000, "none"],
])("behind %d damaged entries the rule is %s", (count, rule) => {
  const damaged = Array.from({ length: count }, (_, i) => ({ start: i * 16, size: 16, program: [0x3f] }));
  const table = compile(section(USUAL_CIE, ...damaged, { start: 0x8000, size: 16 }));
  expect(rulesAt(table, 0, 0x8000)).toEqual(["none", rule]);
});
