/**
 * The line number state machine (DWARF 5 §6.2.2 and §6.2.5).
 *
 * `next` runs opcodes until one appends a row, so that whoever reads rows sees registers instead of objects. Each opcode
 * is at least a byte long and appends one row at most: the work is bounded by the program's length.
 */

import type { Cursor } from "../base/cursor.ts";
import * as dw from "./constants.ts";
import type { LineHeader } from "./line-header.ts";

export class LineProgram {
  // The registers, as the row just appended has them.
  address = 0;
  opIndex = 0;
  file = 1;
  line = 1;
  column = 0;
  isStmt: boolean;
  basicBlock = false;
  endSequence = false;
  prologueEnd = false;
  epilogueBegin = false;
  isa = 0;
  discriminator = 0;
  private readonly header: LineHeader;
  private readonly cursor: Cursor;

  constructor(header: LineHeader) {
    this.header = header;
    this.cursor = header.cursor(header.programStart);
    this.isStmt = header.defaultIsStmt;
  }

  /** Where the next opcode stands. Behind the end of a sequence, a place that `seek` takes. */
  get position(): number {
    return this.cursor.position;
  }

  /** Begins again at the first opcode of a sequence. */
  seek(position: number): void {
    this.cursor.seek(position);
    this.reset();
  }

  /**
   * Runs up to the next row.
   *
   * @returns false at the end of the program.
   * @throws MalformedError
   */
  next(): boolean {
    const { cursor, header } = this;
    const { bytes, opcodeBase } = header;
    if (this.endSequence) this.reset();
    this.basicBlock = false;
    this.prologueEnd = false;
    this.epilogueBegin = false;
    this.discriminator = 0;
    while (cursor.position < cursor.end) {
      const opcode = bytes[cursor.position++];
      if (opcode >= opcodeBase) {
        const adjusted = opcode - opcodeBase;
        this.advance(header.specialOperations[adjusted]);
        this.line = (this.line + header.specialLines[adjusted]) >>> 0;
        return true;
      }
      switch (opcode) {
        case 0:
          if (this.extended()) return true;
          break;
        case dw.DW_LNS_copy:
          return true;
        case dw.DW_LNS_advance_pc:
          this.advance(cursor.uleb());
          break;
        case dw.DW_LNS_advance_line:
          // The register is 32 bits wide and unsigned in every reader.
          this.line = (this.line + cursor.sleb()) >>> 0;
          break;
        case dw.DW_LNS_set_file:
          this.file = cursor.uleb();
          break;
        case dw.DW_LNS_set_column:
          this.column = cursor.uleb();
          break;
        case dw.DW_LNS_negate_stmt:
          this.isStmt = !this.isStmt;
          break;
        case dw.DW_LNS_set_basic_block:
          this.basicBlock = true;
          break;
        case dw.DW_LNS_const_add_pc:
          this.advance(header.specialOperations[255 - opcodeBase]);
          break;
        case dw.DW_LNS_fixed_advance_pc:
          this.address += cursor.u16();
          this.opIndex = 0;
          break;
        case dw.DW_LNS_set_prologue_end:
          this.prologueEnd = true;
          break;
        case dw.DW_LNS_set_epilogue_begin:
          this.epilogueBegin = true;
          break;
        case dw.DW_LNS_set_isa:
          this.isa = cursor.uleb();
          break;
        default:
          // A standard opcode of a later version: the header says how many operands to pass over.
          for (let i = header.opcodeLengths[opcode]; i > 0; i--) cursor.skipLeb();
      }
    }
    return false;
  }

  private reset(): void {
    this.address = 0;
    this.opIndex = 0;
    this.file = 1;
    this.line = 1;
    this.column = 0;
    this.isStmt = this.header.defaultIsStmt;
    this.endSequence = false;
    this.isa = 0;
  }

  private advance(operations: number): void {
    const { minInstLength, maxOpsPerInst } = this.header;
    if (maxOpsPerInst === 1) {
      this.address += minInstLength * operations;
      return;
    }
    const total = this.opIndex + operations;
    this.address += minInstLength * Math.floor(total / maxOpsPerInst);
    this.opIndex = total % maxOpsPerInst;
  }

  /** An extended opcode (§6.2.5.3). Returns whether it appends a row. */
  private extended(): boolean {
    const { cursor } = this;
    const length = cursor.uleb();
    const end = cursor.position + length;
    if (length > cursor.remaining) throw cursor.malformed(`extended opcode of ${length} bytes runs off its program`);
    if (length === 0) return false;
    switch (cursor.u8()) {
      case dw.DW_LNE_end_sequence:
        this.endSequence = true;
        break;
      case dw.DW_LNE_set_address:
        if (length === 9) this.address = cursor.i64();
        else if (length === 5) this.address = cursor.u32();
        else throw cursor.malformed(`address of ${length - 1} bytes`);
        this.opIndex = 0;
        break;
      case dw.DW_LNE_define_file:
        this.header.defineFile(cursor);
        break;
      case dw.DW_LNE_set_discriminator:
        this.discriminator = cursor.uleb();
        break;
    }
    cursor.seek(end);
    return this.endSequence;
  }
}
