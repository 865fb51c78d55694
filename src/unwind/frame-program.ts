/**
 * Runs call frame programs (DWARF 5 §6.4.2; the GNU additions of Linux Standard Base 5): from the instructions of a
 * CIE and an FDE to the rules of a range of code.
 *
 * A program builds its rows one after the other, so they go straight into the table. A CIE's instructions are run
 * once, however many FDEs share it.
 */

import type { Cursor } from "../base/cursor.ts";
import { LeaklineError } from "../base/errors.ts";
import type { Cie, FrameReader } from "../elf/index.ts";
import {
  DW_CFA_ADVANCE_LOC,
  DW_CFA_ADVANCE_LOC1,
  DW_CFA_ADVANCE_LOC2,
  DW_CFA_ADVANCE_LOC4,
  DW_CFA_DEF_CFA,
  DW_CFA_DEF_CFA_EXPRESSION,
  DW_CFA_DEF_CFA_OFFSET,
  DW_CFA_DEF_CFA_OFFSET_SF,
  DW_CFA_DEF_CFA_REGISTER,
  DW_CFA_DEF_CFA_SF,
  DW_CFA_EXPRESSION,
  DW_CFA_GNU_ARGS_SIZE,
  DW_CFA_GNU_NEGATIVE_OFFSET_EXTENDED,
  DW_CFA_MIPS_ADVANCE_LOC8,
  DW_CFA_NOP,
  DW_CFA_OFFSET,
  DW_CFA_OFFSET_EXTENDED,
  DW_CFA_OFFSET_EXTENDED_SF,
  DW_CFA_REGISTER,
  DW_CFA_REMEMBER_STATE,
  DW_CFA_RESTORE,
  DW_CFA_RESTORE_EXTENDED,
  DW_CFA_RESTORE_STATE,
  DW_CFA_SAME_VALUE,
  DW_CFA_SET_LOC,
  DW_CFA_UNDEFINED,
  DW_CFA_VAL_EXPRESSION,
  DW_CFA_VAL_OFFSET,
  DW_CFA_VAL_OFFSET_SF,
} from "./constants.ts";
import { FrameRow } from "./frame-row.ts";
import type { RuleRows } from "./rule-rows.ts";

export class FrameProgram {
  private readonly reader: FrameReader;
  private readonly rows: RuleRows;
  /** What the programs of each CIE leave behind. */
  private readonly initialRows = new Map<Cie, FrameRow>();
  private initial = new FrameRow();
  private readonly row = new FrameRow();
  private readonly remembered: FrameRow[] = [];
  private depth = 0;
  /** Virtual address that the row being built starts at. */
  private location = 0;
  /** End of the FDE's range. */
  private limit = 0;

  constructor(reader: FrameReader, rows: RuleRows) {
    this.reader = reader;
    this.rows = rows;
  }

  /**
   * Adds the rows of the FDE that the reader stands at.
   *
   * @throws MalformedError when the program is damaged; the rows before that place are added.
   */
  run(): void {
    const { cie, start, size, cursor } = this.reader;
    this.initial = this.initialRow(cie);
    this.row.copy(this.initial);
    this.location = start;
    this.limit = start + size;
    this.depth = 0;
    try {
      this.execute(cursor);
    } catch (error) {
      this.rows.add(this.location, "damaged entry");
      throw error;
    }
    this.addRow();
  }

  private initialRow(cie: Cie): FrameRow {
    let initial = this.initialRows.get(cie);
    if (initial) return initial;
    initial = new FrameRow();
    this.initialRows.set(cie, initial);
    const { cursor } = this.reader;
    const { position, end } = cursor;
    this.row.copy(initial);
    this.limit = 0;
    cursor.end = cie.programEnd;
    cursor.position = cie.programStart;
    try {
      this.execute(cursor);
      initial.copy(this.row);
    } catch (error) {
      // The row stays empty, so that the FDEs have no rules, for want of a CFA.
      if (!(error instanceof LeaklineError)) throw error;
    }
    cursor.end = end;
    cursor.position = position;
    return initial;
  }

  private addRow(): void {
    if (this.location < this.limit) this.rows.add(this.location, this.row.rule(this.reader.cie.signal));
  }

  /** The row is complete; another one starts at `location`. */
  private moveTo(location: number): void {
    if (!(location >= this.location)) throw this.reader.cursor.malformed("the location goes backwards");
    this.addRow();
    this.location = location;
  }

  private advance(count: number): void {
    this.moveTo(this.location + count * this.reader.cie.codeAlignment);
  }

  /** Runs from the cursor's position to its end. */
  private execute(cursor: Cursor): void {
    const { row } = this;
    const { dataAlignment } = this.reader.cie;
    while (cursor.position < cursor.end) {
      const byte = cursor.u8();
      const low = byte & 0x3f;
      switch (byte & 0xc0 || byte) {
        case DW_CFA_ADVANCE_LOC:
          this.advance(low);
          break;
        case DW_CFA_ADVANCE_LOC1:
          this.advance(cursor.u8());
          break;
        case DW_CFA_ADVANCE_LOC2:
          this.advance(cursor.u16());
          break;
        case DW_CFA_ADVANCE_LOC4:
          this.advance(cursor.u32());
          break;
        case DW_CFA_MIPS_ADVANCE_LOC8:
          this.advance(cursor.i64());
          break;
        case DW_CFA_SET_LOC:
          this.moveTo(this.reader.readPointer());
          break;

        case DW_CFA_DEF_CFA:
          row.defineCfa(cursor.uleb(), cursor.uleb());
          break;
        case DW_CFA_DEF_CFA_SF:
          row.defineCfa(cursor.uleb(), cursor.sleb() * dataAlignment);
          break;
        case DW_CFA_DEF_CFA_REGISTER:
          if (!row.changeCfaRegister(cursor.uleb())) throw cursor.malformed("no CFA register to be replaced");
          break;
        case DW_CFA_DEF_CFA_OFFSET:
          if (!row.changeCfaOffset(cursor.uleb())) throw cursor.malformed("no CFA offset to be replaced");
          break;
        case DW_CFA_DEF_CFA_OFFSET_SF:
          if (!row.changeCfaOffset(cursor.sleb() * dataAlignment))
            throw cursor.malformed("no CFA offset to be replaced");
          break;
        case DW_CFA_DEF_CFA_EXPRESSION:
          row.defineCfaExpression(cursor, expressionLength(cursor));
          break;

        case DW_CFA_OFFSET:
          row.savedAt(low, cursor.uleb() * dataAlignment);
          break;
        case DW_CFA_OFFSET_EXTENDED:
          row.savedAt(cursor.uleb(), cursor.uleb() * dataAlignment);
          break;
        case DW_CFA_OFFSET_EXTENDED_SF:
          row.savedAt(cursor.uleb(), cursor.sleb() * dataAlignment);
          break;
        case DW_CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
          row.savedAt(cursor.uleb(), -cursor.uleb() * dataAlignment);
          break;
        case DW_CFA_EXPRESSION:
          row.savedAtExpression(cursor.uleb(), cursor, expressionLength(cursor));
          break;
        case DW_CFA_REGISTER:
        case DW_CFA_VAL_OFFSET:
        case DW_CFA_VAL_OFFSET_SF:
          row.savedElsewhere(cursor.uleb());
          cursor.skipLeb();
          break;
        case DW_CFA_VAL_EXPRESSION:
          row.savedElsewhere(cursor.uleb());
          cursor.skip(cursor.uleb());
          break;
        case DW_CFA_UNDEFINED:
          row.undefine(cursor.uleb());
          break;
        case DW_CFA_SAME_VALUE:
          row.keep(cursor.uleb());
          break;
        case DW_CFA_RESTORE:
          row.restore(low, this.initial);
          break;
        case DW_CFA_RESTORE_EXTENDED:
          row.restore(cursor.uleb(), this.initial);
          break;

        case DW_CFA_REMEMBER_STATE:
          if (this.depth === MAX_REMEMBERED) throw cursor.malformed(`${MAX_REMEMBERED} states remembered`);
          if (this.depth === this.remembered.length) this.remembered.push(new FrameRow());
          this.remembered[this.depth++].copy(row);
          break;
        case DW_CFA_RESTORE_STATE:
          if (this.depth === 0) throw cursor.malformed("no state was remembered");
          row.copy(this.remembered[--this.depth]);
          break;

        case DW_CFA_NOP:
          break;
        case DW_CFA_GNU_ARGS_SIZE:
          cursor.skipLeb();
          break;
        default:
          throw cursor.malformed(`call frame instruction 0x${byte.toString(16)}`, cursor.position - 1);
      }
    }
  }
}

/** Of the block at the cursor; its length is checked, so that the block can be read. */
function expressionLength(cursor: Cursor): number {
  const length = cursor.uleb();
  if (length > cursor.remaining) throw cursor.malformed(`an expression of ${length} bytes`);
  return length;
}

/** Compilers remember one state at a time. */
const MAX_REMEMBERED = 64;
