/**
 * The rows that hold for many addresses, in one run of a line number program (DWARF 5 §6.2).
 *
 * The addresses are sorted, and so are the rows of a sequence: the two are merged as the program runs, and no row is
 * ever stored. The registers are local variables here, since this loop is where a batch spends most of its time; it
 * knows what compilers write, and leaves the rest to `LineTable`.
 */

import * as dw from "../constants.ts";
import { MAX_SEQUENCE_ROWS } from "../limits.ts";
import type { LineHeader } from "../line-header.ts";
import { isTombstone } from "../ranges.ts";
import { lowerBound, roomFor } from "./sorted.ts";

/** By index of the address; reused from unit to unit. */
export class LineHits {
  /** 1 where a row was found. */
  found = new Uint8Array(0);
  file = new Int32Array(0);
  /** Unsigned 32 bits; 0 means that no line is the source of this code. */
  line = new Int32Array(0);
  /** 0 means that the column is unknown, or the left edge. */
  column = new Int32Array(0);
  /** The sequence that the row is of: of several, the one that begins last, then the shortest, then the last one. */
  begin = new Float64Array(0);
  end = new Float64Array(0);
  /** Rows of the sequence that the program is in, which may turn out to be worse than an earlier one. */
  newFile = new Int32Array(0);
  newLine = new Int32Array(0);
  newColumn = new Int32Array(0);

  reset(count: number): void {
    if (count > this.found.length) {
      const room = roomFor(count);
      this.found = new Uint8Array(room);
      this.file = new Int32Array(room);
      this.line = new Int32Array(room);
      this.column = new Int32Array(room);
      this.begin = new Float64Array(room);
      this.end = new Float64Array(room);
      this.newFile = new Int32Array(room);
      this.newLine = new Int32Array(room);
      this.newColumn = new Int32Array(room);
    } else this.found.fill(0, 0, count);
  }

  /** Takes the new rows of a sequence for the addresses [from, to), where there is none of a better one. */
  take(from: number, to: number, begin: number, end: number): void {
    for (let i = from; i < to; i++) {
      if (this.found[i] === 1 && !(begin > this.begin[i] || (begin === this.begin[i] && end <= this.end[i]))) continue;
      this.found[i] = 1;
      this.file[i] = this.newFile[i];
      this.line[i] = this.newLine[i];
      this.column[i] = this.newColumn[i];
      this.begin[i] = begin;
      this.end[i] = end;
    }
  }
}

// By opcode, of the program at hand.
const advances = new Uint16Array(256);
const lineSteps = new Int16Array(256);

/**
 * Runs the program once.
 *
 * @param addresses ascending; the first `count` of them are looked up.
 * @param addressSize of the unit, in bytes.
 * @returns false when the program is damaged or does what only `LineTable` knows; `hits` is then of no use.
 */
export function searchLines(
  header: LineHeader,
  addressSize: number,
  lowestCode: number | undefined,
  addresses: Float64Array,
  count: number,
  hits: LineHits,
): boolean {
  const { bytes, littleEndian, opcodeBase, minInstLength, specialOperations, specialLines, opcodeLengths } = header;
  // Several operations an instruction: no machine that Linux still runs on.
  if (header.maxOpsPerInst !== 1 || opcodeBase <= dw.DW_LNS_set_isa) return false;
  hits.reset(count);
  const { newFile, newLine, newColumn } = hits;
  // By special opcode: what it advances by. A table of this program, for the multiplication is done once.
  for (let opcode = opcodeBase; opcode < 256; opcode++) {
    advances[opcode] = minInstLength * specialOperations[opcode - opcodeBase];
    lineSteps[opcode] = specialLines[opcode - opcodeBase];
  }
  const constAdvance = advances[255];
  const end = bytes.length;
  let at = header.programStart;
  let address = 0;
  let file = 1;
  let line = 1;
  let column = 0;
  // The row before, its sequence's first address, and the next address to be found in it.
  let rows = 0;
  let begin = 0;
  let dropped = false;
  let previous = 0;
  let first = 0;
  let next = count;
  let wanted = Number.POSITIVE_INFINITY;
  let rowFile = 0;
  let rowLine = 0;
  let rowColumn = 0;
  while (at < end) {
    const opcode = bytes[at++];
    let endsSequence = false;
    if (opcode >= opcodeBase) {
      address += advances[opcode];
      line = (line + lineSteps[opcode]) >>> 0;
    } else {
      let operand: number;
      switch (opcode) {
        case dw.DW_LNS_copy:
          break;
        case dw.DW_LNS_advance_pc:
        case dw.DW_LNS_set_file:
        case dw.DW_LNS_set_column: {
          let byte = bytes[at++];
          operand = byte & 0x7f;
          for (let scale = 128; byte >= 0x80; scale *= 128) {
            byte = bytes[at++];
            operand += (byte & 0x7f) * scale;
            if (scale > 2 ** 56) return false;
          }
          if (opcode === dw.DW_LNS_set_column) column = operand;
          else if (opcode === dw.DW_LNS_set_file) file = operand;
          else address += minInstLength * operand;
          continue;
        }
        case dw.DW_LNS_advance_line: {
          let byte = bytes[at++];
          operand = byte & 0x7f;
          let scale = 128;
          for (; byte >= 0x80; scale *= 128) {
            byte = bytes[at++];
            operand += (byte & 0x7f) * scale;
            if (scale > 2 ** 42) return false;
          }
          line = (line + (byte & 0x40 ? operand - scale : operand)) >>> 0;
          continue;
        }
        case dw.DW_LNS_const_add_pc:
          address += constAdvance;
          continue;
        case dw.DW_LNS_fixed_advance_pc:
          address += littleEndian ? bytes[at] | (bytes[at + 1] << 8) : (bytes[at] << 8) | bytes[at + 1];
          at += 2;
          continue;
        case dw.DW_LNS_negate_stmt:
        case dw.DW_LNS_set_basic_block:
        case dw.DW_LNS_set_prologue_end:
        case dw.DW_LNS_set_epilogue_begin:
          continue;
        case 0: {
          const length = bytes[at++];
          if (!(length > 0 && length < 0x80 && length <= end - at)) return false;
          const kind = bytes[at];
          const operands = at + 1;
          at += length;
          if (kind === dw.DW_LNE_end_sequence) {
            endsSequence = true;
            break;
          }
          if (kind === dw.DW_LNE_set_address) {
            if (length !== 9 && length !== 5) return false;
            address = readAddress(bytes, operands, length - 1, littleEndian);
          } else if (kind === dw.DW_LNE_define_file) return false;
          continue;
        }
        default:
          for (let i = opcodeLengths[opcode]; i > 0; i--) while (bytes[at++] >= 0x80);
          continue;
      }
    }
    // A row.
    if (rows === 0) {
      begin = address;
      dropped = isTombstone(address, addressSize, lowestCode);
      first = next = dropped ? count : lowerBound(addresses, count, address);
      wanted = next < count ? addresses[next] : Number.POSITIVE_INFINITY;
    } else if (address < previous && !dropped) return false;
    while (wanted < address) {
      newFile[next] = rowFile;
      newLine[next] = rowLine;
      newColumn[next] = rowColumn;
      wanted = ++next < count ? addresses[next] : Number.POSITIVE_INFINITY;
    }
    if (endsSequence) {
      if (next > first) hits.take(first, next, begin, address);
      address = 0;
      file = 1;
      line = 1;
      column = 0;
      rows = 0;
      wanted = Number.POSITIVE_INFINITY;
      continue;
    }
    if (++rows > MAX_SEQUENCE_ROWS) return false;
    previous = address;
    rowFile = file;
    rowLine = line;
    rowColumn = column;
  }
  // Reading past the end gives undefined, and what is made of that ends here.
  return at === end && !Number.isNaN(address);
}

function readAddress(bytes: Uint8Array, at: number, size: number, littleEndian: boolean): number {
  let low = 0;
  let high = 0;
  for (let i = 0; i < size; i++) {
    const byte = bytes[littleEndian ? at + i : at + size - 1 - i];
    if (i < 4) low |= byte << (8 * i);
    else high |= byte << (8 * (i - 4));
  }
  return high * 4294967296 + (low >>> 0);
}
