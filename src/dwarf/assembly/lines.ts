/**
 * The rows that hold for many addresses, in one run of a line number program (DWARF 5 §6.2).
 *
 * The addresses are sorted, and so are the rows of a sequence: the two are merged as the program runs, and no row is ever
 * stored. It knows what compilers write, and leaves the rest to LineTable.
 */

import * as dw from "../constants.ts";
import { MAX_SEQUENCE_ROWS } from "../limits.ts";
import * as bytes from "./bytes.ts";
import { isTombstone, lowerBound } from "./dies.ts";

// The addresses, ascending; of each, whether there is a row, its file, line and column, and the sequence it is of.
let addresses: u32 = 0;
let count: u32 = 0;
let found: u32 = 0;
let files: u32 = 0;
let lines: u32 = 0;
let columns: u32 = 0;
let begins: u32 = 0;
let ends: u32 = 0;
// Rows of the sequence that the program is in, which may turn out to be worse than an earlier one.
let newFiles: u32 = 0;
let newLines: u32 = 0;
let newColumns: u32 = 0;

/** Bytes of memory for each address: all that is above. */
export function lineHitRoom(): u32 {
  return 3 * 8 + 7 * 4;
}

/** Bytes of the operation that sets a discriminator, at most: its code, and a LEB128 of 64 bits. */
const MAX_DISCRIMINATOR: u32 = 11;

/** @param at where the lists are, one after another, each of `length`: addresses, begins, ends; then the ones of words. */
export function setLineLists(at: u32, length: u32): void {
  addresses = at;
  begins = addresses + (length << 3);
  ends = begins + (length << 3);
  found = ends + (length << 3);
  files = found + (length << 2);
  lines = files + (length << 2);
  columns = lines + (length << 2);
  newFiles = columns + (length << 2);
  newLines = newFiles + (length << 2);
  newColumns = newLines + (length << 2);
}

const advances: u32 = <u32>memory.data(256 * 4, 4);
const lineSteps: u32 = <u32>memory.data(256 * 4, 4);
const operandCounts: u32 = <u32>memory.data(256, 1);

/** The parameters of the program at hand. @param lengths of opcodes, `opcodeBase` bytes, in memory. */
export function setProgram(
  opcodeBase: u32,
  minInstLength: u32,
  lineBase: i32,
  lineRange: u32,
  lengths: u32,
  littleEndian: bool,
): void {
  // A table of this program, for each division is done once.
  for (let opcode = opcodeBase; opcode < 256; opcode++) {
    const special = opcode - opcodeBase;
    // A line range of 0 is damage: such an opcode advances no address.
    const operation: u32 = lineRange > 0 ? special / lineRange : 0;
    store<u32>(advances + (opcode << 2), minInstLength * operation);
    store<i32>(lineSteps + (opcode << 2), lineBase + (lineRange > 0 ? <i32>(special % lineRange) : 0));
  }
  memory.copy(operandCounts, lengths, opcodeBase);
  bytes.setByteOrder(littleEndian);
}

/**
 * Runs the program once.
 *
 * @param from where it begins in memory. @param end where it ends.
 * @param wantedCount of the addresses, the first so many are looked up.
 * @param lowest of the file's code; Infinity when nobody knows.
 * @returns false when the program is damaged or does what only LineTable knows.
 */
export function searchLines(
  from: u32,
  end: u32,
  wantedCount: u32,
  opcodeBase: u32,
  minInstLength: u32,
  addressSize: i32,
  lowest: f64,
): bool {
  count = wantedCount;
  memory.fill(found, 0, count << 2);
  const constAdvance: f64 = load<u32>(advances + (255 << 2));
  let at = from;
  let address: f64 = 0;
  let file: u32 = 1;
  let line: u32 = 1;
  let column: u32 = 0;
  // The row before, its sequence's first address, and the next address to be found in it.
  let rows: u32 = 0;
  let begin: f64 = 0;
  let dropped = false;
  let previous: f64 = 0;
  let first: u32 = 0;
  let next: u32 = count;
  let wanted: f64 = Infinity;
  let rowFile: u32 = 0;
  let rowLine: u32 = 0;
  let rowColumn: u32 = 0;
  while (at < end) {
    const opcode: u32 = load<u8>(at++);
    let endsSequence = false;
    if (opcode >= opcodeBase) {
      address += <f64>load<u32>(advances + (opcode << 2));
      line += load<i32>(lineSteps + (opcode << 2));
    } else {
      switch (opcode) {
        case dw.DW_LNS_copy:
          break;
        case dw.DW_LNS_advance_pc:
        case dw.DW_LNS_set_file:
        case dw.DW_LNS_set_column: {
          let operand: u32 = load<u8>(at++);
          if (operand >= 0x80) {
            bytes.seek(at - 1);
            const long = bytes.uleb();
            at = bytes.position;
            if (bytes.damaged || long > 0x7fffffff) return false;
            operand = <u32>long;
          }
          if (opcode === dw.DW_LNS_set_column) column = operand;
          else if (opcode === dw.DW_LNS_set_file) file = operand;
          else address += <f64>minInstLength * <f64>operand;
          continue;
        }
        case dw.DW_LNS_advance_line: {
          const byte: i32 = load<u8>(at++);
          if (byte < 0x80) line += (byte << 25) >> 25;
          else {
            bytes.seek(at - 1);
            const step = bytes.sleb();
            at = bytes.position;
            if (bytes.damaged || step !== <i64>(<i32>step)) return false;
            line += <i32>step;
          }
          continue;
        }
        case dw.DW_LNS_const_add_pc:
          address += constAdvance;
          continue;
        case dw.DW_LNS_fixed_advance_pc:
          address += <f64>bytes.u16At(at);
          at += 2;
          continue;
        case dw.DW_LNS_negate_stmt:
        case dw.DW_LNS_set_basic_block:
        case dw.DW_LNS_set_prologue_end:
        case dw.DW_LNS_set_epilogue_begin:
          continue;
        case 0: {
          const length: u32 = load<u8>(at++);
          if (length === 0 || length >= 0x80 || at > end || length > end - at) return false;
          const kind: u32 = load<u8>(at);
          const operands = at + 1;
          at += length;
          if (kind === dw.DW_LNE_end_sequence) {
            endsSequence = true;
            break;
          }
          if (kind === dw.DW_LNE_set_address) {
            if (length === 9) address = bytes.i64At(operands);
            else if (length === 5) address = <f64>bytes.u32At(operands);
            else return false;
          } else if (kind === dw.DW_LNE_set_discriminator) {
            // Not printed, but a number that goes on behind its operation is damage.
            if (length === 1 || length > MAX_DISCRIMINATOR || load<u8>(at - 1) >= 0x80) return false;
          } else if (kind === dw.DW_LNE_define_file) return false;
          continue;
        }
        default:
          for (let i: u32 = load<u8>(operandCounts + opcode); i > 0 && at <= end; i--) while (load<u8>(at++) >= 0x80);
          continue;
      }
    }
    // A row.
    if (rows === 0) {
      begin = address;
      dropped = isTombstone(address, addressSize, lowest);
      first = next = dropped ? count : lowerBound(addresses, count, address);
      wanted = next < count ? load<f64>(addresses + (next << 3)) : Infinity;
    } else if (address < previous && !dropped) return false;
    while (wanted < address) {
      store<u32>(newFiles + (next << 2), rowFile);
      store<u32>(newLines + (next << 2), rowLine);
      store<u32>(newColumns + (next << 2), rowColumn);
      next++;
      wanted = next < count ? load<f64>(addresses + (next << 3)) : Infinity;
    }
    if (endsSequence) {
      if (next > first) take(first, next, begin, address);
      address = 0;
      file = 1;
      line = 1;
      column = 0;
      rows = 0;
      wanted = Infinity;
      continue;
    }
    if (++rows > <u32>MAX_SEQUENCE_ROWS) return false;
    previous = address;
    rowFile = file;
    rowLine = line;
    rowColumn = column;
  }
  return at === end;
}

/** Takes the new rows of a sequence for the addresses [from, to), where there is none of a better one. */
function take(from: u32, to: u32, begin: f64, end: f64): void {
  for (let i = from; i < to; i++) {
    const begun = begins + (i << 3);
    const ended = ends + (i << 3);
    const isBetter = begin > load<f64>(begun) || (begin === load<f64>(begun) && end <= load<f64>(ended));
    if (load<u32>(found + (i << 2)) !== 0 && !isBetter) continue;
    store<u32>(found + (i << 2), 1);
    store<u32>(files + (i << 2), load<u32>(newFiles + (i << 2)));
    store<u32>(lines + (i << 2), load<u32>(newLines + (i << 2)));
    store<u32>(columns + (i << 2), load<u32>(newColumns + (i << 2)));
    store<f64>(begun, begin);
    store<f64>(ended, end);
  }
}
