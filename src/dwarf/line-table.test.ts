import { describe, expect, test } from "vitest";
import {
  Bytes,
  endSequence,
  inputOf,
  type LineParameters,
  lineProgram,
  setAddress,
} from "../../test/support/dwarf-builder.ts";
import { DebugFile } from "./debug-file.ts";
import { LineProgram } from "./line-program.ts";
import { LineTable } from "./line-table.ts";

/** The line table of a program with these opcodes. */
function table(opcodes: Bytes, files?: string[], header?: Partial<LineParameters>): LineTable {
  const section = lineProgram(opcodes, files, header);
  return new LineTable(new DebugFile(inputOf({ ".debug_line": section })), 0, 8);
}

/** All rows of a table's program as [address, op index, line]. */
function rows(
  lines: LineTable,
  of = (row: LineProgram): unknown[] => [row.address, row.opIndex, row.line],
): unknown[][] {
  const program = new LineProgram(lines.header);
  const all: unknown[][] = [];
  while (program.next()) all.push(of(program));
  return all;
}

/** What the table says of an address: line and file number. */
function lineAt(lines: LineTable, address: number): [number, number] | undefined {
  const found = lines.find(address);
  return found && [found.rows.line[found.row], found.rows.file[found.row]];
}

describe("the state machine (DWARF 5 §6.2.5)", () => {
  test("special opcodes advance address and line by the formula of §6.2.5.1", () => {
    // Line base -3, line range 12, opcode base 13, the example of DWARF 5 §6.2.5.1: to advance the line by 2 and the
    // address by 3 takes opcode (2 - -3) + 12 * 3 + 13 = 54.
    const opcodes = endSequence(setAddress(new Bytes(), 0x1000).u8(54));
    expect(rows(table(opcodes, undefined, { lineBase: -3, lineRange: 12 }))[0]).toEqual([0x1003, 0, 3]);
  });

  test("every standard opcode acts as §6.2.5.2 says", () => {
    const opcodes = setAddress(new Bytes(), 0x1000)
      .u8(2)
      .uleb(300) // advance_pc
      .u8(3)
      .sleb(-5) // advance_line: 1 - 5 wraps, as the register is unsigned
      .u8(3)
      .sleb(104)
      .u8(4)
      .uleb(7) // set_file
      .u8(5)
      .uleb(9) // set_column
      .u8(6) // negate_stmt
      .u8(7) // set_basic_block
      .u8(10) // set_prologue_end
      .u8(11) // set_epilogue_begin
      .u8(12)
      .uleb(3) // set_isa
      .u8(0, 2, 4)
      .uleb(6) // set_discriminator
      .u8(1) // copy
      .u8(8) // const_add_pc: opcode 255 advances by (255 - 13) / 14 = 17
      .u8(9)
      .u16(0x100) // fixed_advance_pc
      .u8(1);
    const lines = table(endSequence(opcodes));
    const all = rows(lines, (r) => [
      r.address,
      r.line,
      r.file,
      r.column,
      r.isStmt,
      r.basicBlock,
      r.prologueEnd,
      r.epilogueBegin,
      r.isa,
      r.discriminator,
      r.endSequence,
    ]);
    expect(all).toEqual([
      [0x112c, 100, 7, 9, false, true, true, true, 3, 6, false],
      // copy cleared what holds for one row only.
      [0x123d, 100, 7, 9, false, false, false, false, 3, 0, false],
      [0x123d, 100, 7, 9, false, false, false, false, 3, 0, true],
    ]);
  });

  test("a VLIW machine counts operations in an instruction (§6.2.5.1)", () => {
    // 4 operations an instruction of 16 bytes: advancing by 6 is one instruction and 2 operations.
    const opcodes = setAddress(new Bytes(), 0x1000).u8(2).uleb(6).u8(1).u8(2).uleb(3).u8(1);
    expect(rows(table(endSequence(opcodes), undefined, { minInstLength: 16, maxOps: 4 })).slice(0, 2)).toEqual([
      [0x1010, 2, 1],
      [0x1020, 1, 1],
    ]);
  });

  test("an opcode base below 13 makes special opcodes of the later standard ones", () => {
    // With opcode base 10, opcode 10 is the first special one: no address, and the line base of -5.
    const opcodes = setAddress(new Bytes(), 0x1000).u8(3).sleb(20).u8(10);
    expect(rows(table(endSequence(opcodes), undefined, { opcodeBase: 10 }))[0]).toEqual([0x1000, 0, 16]);
  });

  test("a standard opcode that is not known is passed over with its operands", () => {
    const section = lineProgram(endSequence(setAddress(new Bytes(), 0x1000).u8(13).uleb(1000, 2000).u8(1)), [], {
      opcodeBase: 13,
    }).done();
    // Patched to opcode base 14, with two operands for opcode 13: the length byte is inserted behind the others.
    const lengthsEnd = 4 + 2 + 4 + 6 + 12;
    const patched = Uint8Array.from([...section.subarray(0, lengthsEnd), 2, ...section.subarray(lengthsEnd)]);
    patched[0]++;
    patched[6]++;
    patched[15] = 14;
    const lines = new LineTable(new DebugFile(inputOf({ ".debug_line": patched })), 0, 8);
    expect(rows(lines)).toEqual([
      [0x1000, 0, 1],
      [0x1000, 0, 1],
    ]);
  });

  test("a line range of 0 does not divide by it", () => {
    const opcodes = setAddress(new Bytes(), 0x1000).u8(200).u8(8).u8(1);
    const all = rows(table(endSequence(opcodes), undefined, { lineRange: 0, lineBase: 2 }));
    expect(all.map(([address]) => address)).toEqual([0x1000, 0x1000, 0x1000]);
  });

  test("DW_LNE_define_file adds one file, however often the program is run", () => {
    const define = new Bytes().text("late.c").uleb(0, 0, 0);
    const opcodes = new Bytes()
      .u8(0)
      .uleb(define.length + 1)
      .u8(3)
      .add(define);
    setAddress(opcodes, 0x1000).u8(4).uleb(2).u8(1).u8(2).uleb(4);
    const lines = table(endSequence(opcodes));
    expect(lineAt(lines, 0x1001)).toEqual([1, 2]);
    expect(lines.header.path(2, "/src")).toBe("/src/late.c");
    expect(lines.header.path(3, "/src")).toBeUndefined();
  });
});

describe("looking up a row", () => {
  test("a row holds up to the next one, the last of several at one address counts, the end does not", () => {
    const opcodes = setAddress(new Bytes(), 0x1000).u8(1).u8(3).sleb(1).u8(1).u8(2).uleb(8).u8(3).sleb(1).u8(1);
    const lines = table(endSequence(opcodes.u8(2).uleb(8)));
    expect(lineAt(lines, 0xfff)).toBeUndefined();
    expect(lineAt(lines, 0x1000)).toEqual([2, 1]);
    expect(lineAt(lines, 0x1007)).toEqual([2, 1]);
    expect(lineAt(lines, 0x1008)).toEqual([3, 1]);
    expect(lineAt(lines, 0x100f)).toEqual([3, 1]);
    expect(lineAt(lines, 0x1010)).toBeUndefined();
  });

  test("rows that go backwards count in the order of their addresses", () => {
    const opcodes = setAddress(new Bytes(), 0x1010).u8(1);
    setAddress(opcodes, 0x1000).u8(3).sleb(6).u8(1);
    const lines = table(endSequence(setAddress(opcodes, 0x1020)));
    expect(lineAt(lines, 0x1008)).toEqual([7, 1]);
    expect(lineAt(lines, 0x1018)).toEqual([1, 1]);
  });

  test("a sequence that ends where or before it begins has no address", () => {
    const opcodes = endSequence(setAddress(new Bytes(), 0x1000).u8(1));
    const inverted = setAddress(opcodes, 0x3000).u8(1);
    const lines = table(endSequence(setAddress(inverted, 0x2000)));
    expect(lines.sequences.length).toBe(0);
    expect(lineAt(lines, 0x1000)).toBeUndefined();
    expect(lineAt(lines, 0x2800)).toBeUndefined();
  });

  test.for([0n, 1n, 0xffffffffffffffffn, 0xfffffffffffffffen])(
    "a sequence at tombstone %i covers nothing",
    (tombstone) => {
      const opcodes = setAddress(new Bytes(), tombstone).u8(1).u8(2).uleb(0x5000);
      const real = setAddress(endSequence(opcodes), 0x1000).u8(3).sleb(41).u8(1).u8(2).uleb(0x10);
      const lines = table(endSequence(real));
      expect(lineAt(lines, 0x1004)).toEqual([42, 1]);
      expect(lineAt(lines, 0x2000)).toBeUndefined();
      expect(lineAt(lines, 0x10)).toBeUndefined();
    },
  );

  test("damage leaves the sequences before it, and says why", () => {
    const opcodes = endSequence(setAddress(new Bytes(), 0x1000).u8(1).u8(2).uleb(8));
    const lines = table(opcodes.u8(0, 200, 1));
    expect(lineAt(lines, 0x1004)).toEqual([1, 1]);
    expect(lines.reason).toContain(".debug_line");
  });

  test("a program that advances without end stays bounded by its bytes", () => {
    const opcodes = setAddress(new Bytes(), 0x1000);
    for (let i = 0; i < 10_000; i++) opcodes.u8(2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 1);
    expect(rows(table(endSequence(opcodes)))).toHaveLength(10_001);
  });
});
