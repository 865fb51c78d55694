/**
 * Each call frame instruction, in programs written by hand in assembler. Readelf says what they mean.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openPath } from "../../test/support/elf-files.ts";
import { readelfRows } from "../../test/support/frame-rows.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { compileUnwindTable, lookupRule, ruleText } from "./index.ts";

/** Numbers are those of DWARF 5 §7.24; `.cfi_escape` puts bytes into the program as they are. */
const PROGRAMS = {
  "advance by one, two and four bytes": `
    nop; .cfi_def_cfa_offset 16
    .skip 63, 0x90; .cfi_def_cfa_offset 24
    .skip 64, 0x90; .cfi_def_cfa_offset 32
    .skip 255, 0x90; .cfi_def_cfa_offset 40
    .skip 256, 0x90; .cfi_def_cfa_offset 48
    .skip 70000, 0x90; .cfi_def_cfa_offset 56
    nop`,
  "advance by eight bytes (MIPS_advance_loc8)": `
    .skip 8, 0x90; .cfi_escape 0x1d, 4, 0, 0, 0, 0, 0, 0, 0; .cfi_def_cfa_offset 24
    nop`,
  "def_cfa, def_cfa_register, def_cfa_offset": `
    nop; .cfi_def_cfa %rbp, 16
    nop; .cfi_def_cfa_offset 32
    nop; .cfi_def_cfa_register %rsp
    nop; .cfi_def_cfa %r10, 0
    nop; .cfi_def_cfa_register %rbp
    nop`,
  "def_cfa_sf, def_cfa_offset_sf": `
    nop; .cfi_escape 0x12, 6, 0x7c
    nop; .cfi_escape 0x13, 2
    nop`,
  "an offset that is the largest, and one that is too large": `
    nop; .cfi_def_cfa_offset 262136
    nop; .cfi_def_cfa_offset 262144
    nop; .cfi_def_cfa_offset 12
    nop; .cfi_def_cfa %rbp, -262144
    nop; .cfi_def_cfa %rbp, -262152
    nop`,
  "offset, offset_extended, offset_extended_sf, GNU_negative_offset_extended": `
    nop; .cfi_offset %rbp, -24
    nop; .cfi_escape 0x05, 6, 4
    nop; .cfi_escape 0x11, 6, 5
    nop; .cfi_escape 0x2f, 6, 6
    nop; .cfi_offset %rbp, -1024
    nop; .cfi_offset %rbp, -1032
    nop; .cfi_offset %rbp, 8
    nop; .cfi_escape 0x11, 16, 2
    nop`,
  "restore, restore_extended, same_value, register": `
    nop; .cfi_offset %rbp, -24
    nop; .cfi_restore %rbp
    nop; .cfi_offset %rbp, -32
    nop; .cfi_escape 0x06, 6
    nop; .cfi_register %rbp, %rax
    nop; .cfi_same_value %rbp
    nop; .cfi_register %rip, %rdx
    nop; .cfi_restore %rip
    nop; .cfi_undefined %rip
    nop`,
  "val_offset, val_offset_sf, val_expression": `
    nop; .cfi_escape 0x14, 6, 2
    nop; .cfi_escape 0x15, 6, 2
    nop; .cfi_escape 0x16, 6, 2, 0x77, 0
    nop; .cfi_escape 0x16, 16, 2, 0x77, 0
    nop`,
  "remember_state, restore_state, one in the other": `
    nop; .cfi_def_cfa_offset 16; .cfi_offset %rbp, -16
    nop; .cfi_remember_state
    nop; .cfi_def_cfa %rbp, 16
    nop; .cfi_remember_state; .cfi_def_cfa %rsp, 80; .cfi_restore %rbp
    nop; .cfi_restore_state
    nop; .cfi_restore_state
    nop`,
  "nop and GNU_args_size": `
    nop; .cfi_escape 0x2e, 0x80, 1; .cfi_escape 0, 0, 0
    nop; .cfi_def_cfa_offset 16
    nop`,
  expressions: `
    nop; .cfi_escape 0x0f, 3, 0x76, 0x78, 0x06; .cfi_escape 0x10, 6, 2, 0x76, 0
    nop`,
  "an expression of the stack pointer": `
    nop; .cfi_escape 0x0f, 4, 0x77, 0x80, 0x01, 0x06
    nop`,
  "an expression that no rule stands for": `
    nop; .cfi_escape 0x0f, 5, 0x77, 0x08, 0x06, 0x23, 0x08
    nop`,
};

test.for(Object.entries(PROGRAMS))("%s", ([, program], context) => {
  needTools(context, "gcc", "readelf");
  for (const section of [".eh_frame", ".debug_frame", ".eh_frame, .debug_frame"]) {
    const library = join(temporaryDirectory(), "library.so");
    writeFileSync(
      `${library}.s`,
      `.text
      .cfi_sections ${section}
      .globl first, second
      first: .cfi_startproc
      ${program}
      .cfi_endproc
      second: .cfi_startproc
      ret
      .cfi_endproc
      .section .note.GNU-stack
      `,
    );
    run("gcc", "-shared", "-nostdlib", "-o", library, `${library}.s`);
    const rows = readelfRows(library);
    expect(rows.length).toBeGreaterThan(2);
    const table = compileUnwindTable(openPath(library));
    const found = rows.map((row) => ({ ...row, rule: ruleText(lookupRule(table, row.start)) }));
    expect(found).toEqual(rows);
  }
});
