import { describe, expect, test } from "vitest";
import {
  abbreviations,
  Bytes,
  endSequence,
  inputOf,
  lineProgram,
  setAddress,
  UNIT_HEADER,
  unit,
} from "../../test/support/dwarf-builder.ts";
import { virtualAddress } from "../base/address.ts";
import * as dw from "./constants.ts";
import { type DwarfInput, openDwarf } from "./index.ts";

// Abbreviation codes that the units below use.
const UNIT = 1;
const FUNCTION = 2;
const BLOCK = 3;
const INLINED = 4;
const STRUCT = 5;
const NAMELESS = 6;
const RANGES = 7;
const UNIT_WITH_CODE = 8;
const UNIT_WITH_LINES = 9;

const ABBREVIATIONS = abbreviations(
  [UNIT, dw.DW_TAG_compile_unit, true, []],
  [
    FUNCTION,
    dw.DW_TAG_subprogram,
    true,
    [dw.DW_AT_name, dw.DW_FORM_string, dw.DW_AT_low_pc, dw.DW_FORM_addr, dw.DW_AT_high_pc, dw.DW_FORM_data4],
  ],
  [BLOCK, dw.DW_TAG_lexical_block, true, []],
  [
    INLINED,
    dw.DW_TAG_inlined_subroutine,
    true,
    [
      dw.DW_AT_abstract_origin,
      dw.DW_FORM_ref4,
      dw.DW_AT_low_pc,
      dw.DW_FORM_addr,
      dw.DW_AT_high_pc,
      dw.DW_FORM_data4,
      dw.DW_AT_call_line,
      dw.DW_FORM_data1,
    ],
  ],
  // DW_TAG_structure_type
  [STRUCT, 0x13, true, [dw.DW_AT_sibling, dw.DW_FORM_ref4]],
  [
    NAMELESS,
    dw.DW_TAG_subprogram,
    false,
    [dw.DW_AT_abstract_origin, dw.DW_FORM_ref4, dw.DW_AT_low_pc, dw.DW_FORM_addr, dw.DW_AT_high_pc, dw.DW_FORM_data4],
  ],
  [RANGES, dw.DW_TAG_subprogram, false, [dw.DW_AT_name, dw.DW_FORM_string, dw.DW_AT_ranges, dw.DW_FORM_sec_offset]],
  [
    UNIT_WITH_CODE,
    dw.DW_TAG_compile_unit,
    true,
    [dw.DW_AT_low_pc, dw.DW_FORM_addr, dw.DW_AT_high_pc, dw.DW_FORM_data4],
  ],
  [UNIT_WITH_LINES, dw.DW_TAG_compile_unit, true, [dw.DW_AT_stmt_list, dw.DW_FORM_sec_offset]],
);

function fun(name: string, low: number | bigint, size: number): Bytes {
  return new Bytes().uleb(FUNCTION).text(name).u64(low).u32(size);
}

function input(units: Bytes, more: Record<string, Bytes> = {}): DwarfInput {
  return inputOf({ ".debug_info": units, ".debug_abbrev": ABBREVIATIONS, ...more });
}

/** Names of an address's frames, innermost first. */
function names(file: DwarfInput, address: number): (string | undefined)[] {
  return openDwarf(file)
    .find(virtualAddress(address))
    .frames.map((frame) => frame.function?.name);
}

describe("code that the linker dropped", () => {
  const dies = new Bytes().uleb(UNIT);
  for (const tombstone of [0n, 1n, 0xffffffffffffffffn, 0xfffffffffffffffen])
    dies.add(fun("dropped", tombstone, 0x5000)).u8(0);
  dies.add(fun("real", 0x1000, 0x10)).u8(0, 0);

  test("never answers, not even where it seems to overlap code that is there", () => {
    expect(names(input(unit(dies)), 0x1004)).toEqual(["real"]);
    for (const address of [0, 1, 0x10, 0x2000, -1]) expect(names(input(unit(dies)), address)).toEqual([]);
  });

  test("answers when the file's code really begins at 0", () => {
    expect(names({ ...input(unit(dies)), lowestCode: virtualAddress(0) }, 0)).toEqual(["dropped"]);
  });

  test("a code section's address tells what is dropped", () => {
    const low = unit(
      new Bytes()
        .uleb(UNIT)
        .add(fun("low", 0x20, 0x5000))
        .u8(0, 0),
    );
    expect(names({ ...input(low), lowestCode: virtualAddress(0x1000) }, 0x1004)).toEqual([]);
    expect(names(input(low), 0x1004)).toEqual(["low"]);
  });

  test("is listed as dropped", () => {
    const listed = [...openDwarf(input(unit(dies))).functions()];
    expect(listed.map((entry) => ("reason" in entry ? entry.reason : entry.dropped.length))).toEqual([1, 1, 1, 1, 0]);
  });
});

describe("names", () => {
  test("abstract origins that form a cycle end in no name", () => {
    const first = UNIT_HEADER + 1;
    const size = 1 + 4 + 8 + 4;
    const dies = new Bytes().uleb(UNIT);
    dies
      .uleb(NAMELESS)
      .u32(first + size)
      .u64(0x1000)
      .u32(0x10);
    dies.uleb(NAMELESS).u32(first).u64(0x2000).u32(0x10).u8(0);
    expect(names(input(unit(dies)), 0x1004)).toEqual([undefined]);
  });

  test("bytes that are not UTF-8 become replacement characters", () => {
    const dies = new Bytes().uleb(UNIT).uleb(FUNCTION).u8(0x66, 0xff, 0x6f, 0).u64(0x1000).u32(0x10).u8(0, 0);
    expect(names(input(unit(dies)), 0x1004)).toEqual(["f\ufffdo"]);
  });

  test.for(["version 5", ".debug_types"])("a signature leads to a type unit in %s (DWARF 5 §7.5.5)", (where) => {
    const declarations = abbreviations(
      [1, dw.DW_TAG_compile_unit, true, []],
      [
        2,
        dw.DW_TAG_subprogram,
        false,
        [
          dw.DW_AT_specification,
          dw.DW_FORM_ref_sig8,
          dw.DW_AT_low_pc,
          dw.DW_FORM_addr,
          dw.DW_AT_high_pc,
          dw.DW_FORM_data1,
        ],
      ],
      [3, dw.DW_TAG_subprogram, false, [dw.DW_AT_name, dw.DW_FORM_string]],
    );
    const signature = 0x8123456789abcdefn;
    const user = unit(new Bytes().u8(1, 2).u64(signature).u64(0x1000).u8(16, 0));
    // Headers of type units: DWARF 5 §7.5.1.3, DWARF 4 §7.5.1.2. The type's DIE is behind the header and the root's code.
    const isOld = where === ".debug_types";
    const header = isOld ? new Bytes().u16(4).u32(0).u8(8) : new Bytes().u16(5).u8(dw.DW_UT_type, 8).u32(0);
    const rootOffset = 4 + header.length + 8 + 4;
    header
      .u64(signature)
      .u32(rootOffset + 1)
      .u8(1, 3)
      .text("declared")
      .u8(0);
    const types = new Bytes().u32(header.length).add(header);
    const file = inputOf({
      ".debug_info": isOld ? user : new Bytes().add(user).add(types),
      ".debug_abbrev": declarations,
      ...(isOld ? { ".debug_types": types } : {}),
    });
    expect(names(file, 0x1004)).toEqual(["declared"]);
  });
});

describe("the tree of DIEs", () => {
  test("100,000 nested blocks hide neither the call inside nor the function behind", () => {
    const depth = 100_000;
    const origin = UNIT_HEADER + 1;
    const dies = new Bytes()
      .uleb(UNIT)
      .add(fun("inline_me", 0x100, 1))
      .u8(0)
      .add(fun("deep", 0x1000, 0x100));
    for (let i = 0; i < depth; i++) dies.uleb(BLOCK);
    dies.uleb(INLINED).u32(origin).u64(0x1010).u32(4).u8(7).u8(0);
    for (let i = 0; i < depth; i++) dies.u8(0);
    dies
      .u8(0)
      .add(fun("behind", 0x2000, 0x10))
      .u8(0, 0);
    expect(names(input(unit(dies)), 0x1011)).toEqual(["inline_me", "deep"]);
    expect(names(input(unit(dies)), 0x2004)).toEqual(["behind"]);
  });

  test("a function inside a class that DW_AT_sibling jumps over is found", () => {
    const dies = new Bytes()
      .uleb(UNIT)
      .add(fun("outer", 0x1000, 0x10))
      .uleb(STRUCT);
    const inside = fun("member", 0x2000, 0x10).u8(0, 0);
    dies
      .u32(UNIT_HEADER + dies.length + 4 + inside.length)
      .add(inside)
      .u8(0, 0);
    expect(names(input(unit(dies)), 0x1004)).toEqual(["outer"]);
    expect(names(input(unit(dies)), 0x2004)).toEqual(["member"]);
  });

  test("a sibling that points backwards does not make the walk go round", () => {
    const dies = new Bytes().uleb(UNIT).uleb(STRUCT).u32(UNIT_HEADER).u8(0);
    expect(names(input(unit(dies.add(fun("after", 0x1000, 0x10)).u8(0, 0))), 0x1004)).toEqual(["after"]);
  });

  test("calls inlined into a nested function are not the outer function's", () => {
    const origin = UNIT_HEADER + 1;
    const dies = new Bytes()
      .uleb(UNIT)
      .add(fun("inline_me", 0x100, 1))
      .u8(0)
      .add(fun("outer", 0x1000, 0x100));
    dies
      .add(fun("nested", 0x2000, 0x10))
      .uleb(INLINED)
      .u32(origin)
      .u64(0x1010)
      .u32(4)
      .u8(7)
      .u8(0, 0);
    dies.uleb(INLINED).u32(origin).u64(0x1020).u32(4).u8(8).u8(0, 0, 0);
    expect(names(input(unit(dies)), 0x1011)).toEqual(["outer"]);
    expect(names(input(unit(dies)), 0x1021)).toEqual(["inline_me", "outer"]);
    expect(names(input(unit(dies)), 0x2001)).toEqual(["nested"]);
  });

  test("a table of a million abbreviations works", () => {
    const declarations = new Bytes();
    for (let code = 1; code <= 1_000_000; code++) declarations.uleb(code, dw.DW_TAG_lexical_block).u8(0, 0, 0);
    // At 1,000,001 a compile unit, and then a function with code.
    declarations.uleb(1_000_001, dw.DW_TAG_compile_unit).u8(1, 0, 0);
    declarations.uleb(1_000_002, dw.DW_TAG_subprogram).u8(0);
    declarations.uleb(dw.DW_AT_name, dw.DW_FORM_string, dw.DW_AT_low_pc, dw.DW_FORM_addr);
    declarations.uleb(dw.DW_AT_high_pc, dw.DW_FORM_data1, 0, 0, 0);
    const dies = new Bytes().uleb(1_000_001, 1_000_002).text("found").u64(0x1000).u8(16, 0);
    expect(names(inputOf({ ".debug_info": unit(dies), ".debug_abbrev": declarations }), 0x1004)).toEqual(["found"]);
  });

  // Tables are read piece by piece, of 4096 bytes at first. Of code 512, the first byte alone says 0, which ends a table.
  test.for([577, 578, 579])("a long table works wherever it is cut, behind %i attributes", (attributes) => {
    const declarations = new Bytes();
    // Five bytes each up to code 127 and six from there on: with 578 attributes, code 512 begins at 4095.
    declarations.uleb(1, dw.DW_TAG_lexical_block).u8(0);
    for (let i = 0; i < attributes; i++) declarations.uleb(dw.DW_AT_name, dw.DW_FORM_string);
    declarations.u8(0, 0);
    for (let code = 2; code < 3000; code++) declarations.uleb(code, dw.DW_TAG_lexical_block).u8(0, 0, 0);
    declarations.uleb(3000, dw.DW_TAG_compile_unit).u8(1, 0, 0);
    declarations.uleb(3001, dw.DW_TAG_subprogram).u8(0);
    declarations.uleb(dw.DW_AT_name, dw.DW_FORM_string, dw.DW_AT_low_pc, dw.DW_FORM_addr);
    declarations.uleb(dw.DW_AT_high_pc, dw.DW_FORM_data1, 0, 0, 0);
    const dies = new Bytes().uleb(3000, 3001).text("found").u64(0x1000).u8(16, 0);
    expect(names(inputOf({ ".debug_info": unit(dies), ".debug_abbrev": declarations }), 0x1004)).toEqual(["found"]);
  });

  test("every form is passed over by its size (DWARF 5 §7.5.6)", () => {
    const forms: [number, Bytes][] = [
      [dw.DW_FORM_addr, new Bytes().u64(1)],
      [dw.DW_FORM_block2, new Bytes().u16(3).u8(1, 2, 3)],
      [dw.DW_FORM_block4, new Bytes().u32(3).u8(1, 2, 3)],
      [dw.DW_FORM_data2, new Bytes().u16(1)],
      [dw.DW_FORM_data4, new Bytes().u32(1)],
      [dw.DW_FORM_data8, new Bytes().u64(1)],
      [dw.DW_FORM_string, new Bytes().text("text")],
      [dw.DW_FORM_block, new Bytes().uleb(200).u8(...new Array(200).fill(1))],
      [dw.DW_FORM_block1, new Bytes().u8(3, 1, 2, 3)],
      [dw.DW_FORM_data1, new Bytes().u8(1)],
      [dw.DW_FORM_flag, new Bytes().u8(1)],
      [dw.DW_FORM_sdata, new Bytes().sleb(-1000)],
      [dw.DW_FORM_strp, new Bytes().u32(1)],
      [dw.DW_FORM_udata, new Bytes().uleb(1000)],
      [dw.DW_FORM_ref_addr, new Bytes().u32(1)],
      [dw.DW_FORM_ref1, new Bytes().u8(1)],
      [dw.DW_FORM_ref2, new Bytes().u16(1)],
      [dw.DW_FORM_ref4, new Bytes().u32(1)],
      [dw.DW_FORM_ref8, new Bytes().u64(1)],
      [dw.DW_FORM_ref_udata, new Bytes().uleb(1000)],
      [dw.DW_FORM_indirect, new Bytes().uleb(dw.DW_FORM_udata).uleb(1000)],
      [dw.DW_FORM_sec_offset, new Bytes().u32(1)],
      [dw.DW_FORM_exprloc, new Bytes().uleb(2).u8(1, 1)],
      [dw.DW_FORM_flag_present, new Bytes()],
      [dw.DW_FORM_strx, new Bytes().uleb(1000)],
      [dw.DW_FORM_addrx, new Bytes().uleb(1000)],
      [dw.DW_FORM_ref_sup4, new Bytes().u32(1)],
      [dw.DW_FORM_strp_sup, new Bytes().u32(1)],
      [dw.DW_FORM_data16, new Bytes().u64(1).u64(1)],
      [dw.DW_FORM_line_strp, new Bytes().u32(1)],
      [dw.DW_FORM_ref_sig8, new Bytes().u64(1)],
      [dw.DW_FORM_loclistx, new Bytes().uleb(1000)],
      [dw.DW_FORM_rnglistx, new Bytes().uleb(1000)],
      [dw.DW_FORM_ref_sup8, new Bytes().u64(1)],
      [dw.DW_FORM_strx1, new Bytes().u8(1)],
      [dw.DW_FORM_strx2, new Bytes().u16(1)],
      [dw.DW_FORM_strx3, new Bytes().u8(1, 1, 1)],
      [dw.DW_FORM_strx4, new Bytes().u32(1)],
      [dw.DW_FORM_addrx1, new Bytes().u8(1)],
      [dw.DW_FORM_addrx2, new Bytes().u16(1)],
      [dw.DW_FORM_addrx3, new Bytes().u8(1, 1, 1)],
      [dw.DW_FORM_addrx4, new Bytes().u32(1)],
      [dw.DW_FORM_GNU_addr_index, new Bytes().uleb(1000)],
      [dw.DW_FORM_GNU_str_index, new Bytes().uleb(1000)],
      [dw.DW_FORM_GNU_ref_alt, new Bytes().u32(1)],
      [dw.DW_FORM_GNU_strp_alt, new Bytes().u32(1)],
    ];
    // DW_AT_const_value for all: an attribute of every class. A constant in the abbreviation takes no bytes in the DIE.
    const attributes = forms.flatMap(([form]) => [0x1c, form]);
    const declarations = new Bytes().uleb(1, dw.DW_TAG_compile_unit).u8(1, 0, 0);
    // Once as a DIE that is skipped, a variable, and once in a function, whose attributes are read one by one.
    declarations
      .uleb(2, 0x34)
      .u8(0)
      .uleb(...attributes, 0x1c, dw.DW_FORM_implicit_const)
      .sleb(-5)
      .u8(0, 0);
    declarations
      .uleb(3, dw.DW_TAG_subprogram)
      .u8(0)
      .uleb(...attributes);
    declarations.uleb(dw.DW_AT_name, dw.DW_FORM_string, dw.DW_AT_low_pc, dw.DW_FORM_addr);
    declarations.uleb(dw.DW_AT_high_pc, dw.DW_FORM_data1, 0, 0, 0);
    const values = new Bytes();
    for (const [, value] of forms) values.add(value);
    const dies = new Bytes().u8(1, 2).add(values).u8(3).add(values).text("found").u64(0x1000).u8(16, 0);
    expect(names(inputOf({ ".debug_info": unit(dies), ".debug_abbrev": declarations }), 0x1004)).toEqual(["found"]);
  });
});

describe("units", () => {
  const first = unit(
    new Bytes()
      .uleb(UNIT_WITH_CODE)
      .u64(0x1000)
      .u32(0x100)
      .add(fun("first", 0x1000, 0x10))
      .u8(0, 0),
  );
  const second = unit(
    new Bytes()
      .uleb(UNIT_WITH_CODE)
      .u64(0x1000)
      .u32(0x1100)
      .add(fun("second", 0x2000, 0x10))
      .u8(0, 0),
  );
  const both = new Bytes().add(first).add(second);

  /** A set of .debug_aranges that gives a unit [0x1000, 0x3000). */
  function aranges(unitOffset: number): Bytes {
    const body = new Bytes().u16(2).u32(unitOffset).u8(8, 0).u32(0).u64(0x1000).u64(0x2000).u64(0).u64(0);
    return new Bytes().u32(body.length).add(body);
  }

  test("that overlap are all asked", () => {
    expect(names(input(both), 0x1004)).toEqual(["first"]);
    expect(names(input(both), 0x2004)).toEqual(["second"]);
  });

  test("are found though .debug_aranges names the wrong one, or one that is not there", () => {
    for (const wrong of [0, first.length, 5, 0xffff]) {
      const file = input(both, { ".debug_aranges": aranges(wrong) });
      expect(names(file, 0x1004)).toEqual(["first"]);
      expect(names(file, 0x2004)).toEqual(["second"]);
    }
  });

  test("are found though their set in .debug_aranges ends before its time, or the section does", () => {
    /** A set of the second unit: a pair, a pair of zeros, and what a linker may have left behind it. */
    const set = (...pairs: number[]): Bytes => {
      const body = new Bytes().u16(2).u32(first.length).u8(8, 0).u32(0);
      for (const word of [...pairs, 0, 0]) body.u64(word);
      return new Bytes().u32(body.length).add(body);
    };
    const cut = set(0x2000, 0x10, 0, 0, 0x2050, 0x10);
    const broken = new Bytes().add(set(0x2000, 0x10)).u32(0x1000);
    for (const section of [cut, broken, set(0, 0)])
      expect(names(input(both, { ".debug_aranges": section }), 0x2008)).toEqual(["second"]);
    const beyond = unit(
      new Bytes()
        .uleb(UNIT_WITH_CODE)
        .u64(0x2000)
        .u32(0x100)
        .add(fun("second", 0x2060, 0x10))
        .u8(0, 0),
    );
    for (const section of [cut, broken, set(0, 0)])
      expect(names(input(new Bytes().add(first).add(beyond), { ".debug_aranges": section }), 0x2068)).toEqual([
        "second",
      ]);
  });

  test("that are damaged spoil only themselves, and say so", () => {
    const broken = unit(new Bytes().uleb(UNIT_WITH_CODE).u64(0x1000).u32(0x100).uleb(99));
    const file = openDwarf(input(new Bytes().add(broken).add(second)));
    expect(file.find(virtualAddress(0x2004)).frames[0].function?.name).toBe("second");
    expect(file.find(virtualAddress(0x1004))).toMatchObject({ frames: [], reason: expect.stringContaining("99") });
  });

  test("whose root states no range are found by their functions, or by their lines", () => {
    const opcodes = setAddress(new Bytes(), 0x3000).u8(3).sleb(4).u8(1).u8(2).uleb(0x10);
    const lines = lineProgram(endSequence(opcodes));
    const unstated = unit(
      new Bytes()
        .uleb(UNIT)
        .add(fun("unstated", 0x2000, 0x10))
        .u8(0, 0),
    );
    const onlyLines = unit(new Bytes().uleb(UNIT_WITH_LINES).u32(0).u8(0));
    const file = input(new Bytes().add(unstated).add(onlyLines), { ".debug_line": lines });
    expect(names(file, 0x2004)).toEqual(["unstated"]);
    expect(openDwarf(file).find(virtualAddress(0x3004)).frames).toEqual([
      { function: undefined, file: "a.c", line: 5, column: undefined, inlined: false },
    ]);
  });

  test("may have rows with a file that is not in the table", () => {
    const opcodes = setAddress(new Bytes(), 0x1000).u8(4).uleb(1000).u8(3).sleb(4).u8(1).u8(2).uleb(0x10);
    const dies = new Bytes()
      .uleb(UNIT_WITH_LINES)
      .u32(0)
      .add(fun("f", 0x1000, 0x10))
      .u8(0, 0);
    const file = input(unit(dies), { ".debug_line": lineProgram(endSequence(opcodes)) });
    expect(openDwarf(file).find(virtualAddress(0x1004)).frames[0]).toMatchObject({ file: undefined, line: 5 });
  });

  test("a function in two parts is entered at the first, and has the size of the part asked for", () => {
    // The entry is not the lowest address: the cold part lies before the hot one.
    const ranges = new Bytes().u64(0x3000).u64(0x3040).u64(0x1000).u64(0x1008).u64(0).u64(0);
    const dies = new Bytes().uleb(UNIT).uleb(RANGES).text("split").u32(0).u8(0);
    const file = openDwarf(input(unit(dies), { ".debug_ranges": ranges }));
    const hot = file.find(virtualAddress(0x3004)).frames[0].function;
    const cold = file.find(virtualAddress(0x1004)).frames[0].function;
    expect(hot).toMatchObject({ entry: 0x3000, size: 0x40 });
    expect(cold).toMatchObject({ entry: 0x3000, size: 8 });
    expect(file.find(virtualAddress(0x2000)).frames).toEqual([]);
  });

  test("a range list with a new base and with tombstones (DWARF 4 §2.17.3)", () => {
    const ranges = new Bytes()
      .u64(-1)
      .u64(0x10000)
      .u64(0x10)
      .u64(0x20)
      .u64(-2)
      .u64(0x5000)
      .u64(0x30)
      .u64(0x30)
      .u64(0)
      .u64(0);
    const dies = new Bytes().uleb(UNIT).uleb(RANGES).text("based").u32(0).u8(0);
    const file = openDwarf(input(unit(dies), { ".debug_ranges": ranges }));
    const found = file.find(virtualAddress(0x10010)).frames[0].function;
    expect(found?.ranges).toEqual([{ begin: 0x10010, end: 0x10020 }]);
  });
});

describe("files that refer to the same bytes over and over", () => {
  test("many functions that share a long range list end in a reason, not in a hang", () => {
    // 20,000 functions times 20,000 entries would be 400 million.
    const ranges = new Bytes();
    for (let i = 0; i < 20_000; i++) ranges.u64(0x1000 + i).u64(0x1001 + i);
    ranges.u64(0).u64(0);
    const dies = new Bytes().uleb(UNIT);
    for (let i = 0; i < 20_000; i++) dies.uleb(RANGES).text("").u32(0);
    const file = openDwarf(input(unit(dies.u8(0)), { ".debug_ranges": ranges }));
    // What was read before the limit is good.
    expect(file.find(virtualAddress(0x2000)).frames).toHaveLength(1);
    expect([...file.functions()].at(-1)).toMatchObject({ reason: expect.stringMatching(/more than \d+ ranges/) });
  });

  test("many units that share a long abbreviation table, each from another place, are given up", () => {
    // 5,000 units, each of whose tables begins two bytes later and has its root's code at the very end.
    const declarations = new Bytes();
    for (let code = 0; code < 20_000; code++) declarations.uleb(200 + (code % 2), 0x34).u8(0, 0, 0);
    declarations.uleb(UNIT, dw.DW_TAG_compile_unit).u8(0, 0, 0, 0);
    const units = new Bytes();
    for (let i = 0; i < 5_000; i++) units.add(unit(new Bytes().uleb(UNIT), 8, i * 6));
    const file = openDwarf(inputOf({ ".debug_info": units, ".debug_abbrev": declarations }));
    expect(file.find(virtualAddress(0x1000))).toMatchObject({ frames: [], reason: expect.stringContaining("share") });
  });
});
