/**
 * From an address to a row of a line number program (DWARF 5 §6.2).
 *
 * The program is run once to find its sequences; only those are sorted. The rows of a sequence are decoded, into
 * columns, when an address falls into it. A row holds from its address up to the next row's; of several rows at one
 * address, the last one counts.
 */

import { LeaklineError } from "../base/errors.ts";
import { stableOrder } from "../base/stable-order.ts";
import type { DebugFile } from "./debug-file.ts";
import { Float64List, Int32List } from "./growable.ts";
import { MAX_SEQUENCE_ROWS } from "./limits.ts";
import { LineHeader } from "./line-header.ts";
import { LineProgram } from "./line-program.ts";
import { RangeTable, upperBound } from "./range-table.ts";
import { isTombstone } from "./ranges.ts";
import { reasonOf } from "./reason.ts";

/** The rows of one sequence as columns, sorted by address, without the one that ends it. */
export type Rows = {
  readonly count: number;
  readonly address: Float64Array;
  readonly file: Int32Array;
  /** 0 means that no line is the source of this code. */
  readonly line: Int32Array;
  /** 0 means that the column is unknown, or the left edge. */
  readonly column: Int32Array;
};

export class LineTable {
  readonly header: LineHeader;
  /** [begin, end) of each sequence that the linker kept; the payload is where its first opcode stands. */
  readonly sequences = new RangeTable();
  /** Why the program could not be read to its end. Sequences before the damage are there. */
  readonly reason: string | undefined;
  private readonly rows = new Map<number, Rows>();

  /**
   * @param offset of the line program in .debug_line.
   * @param addressSize of the unit, in bytes.
   * @throws MalformedError when the header is damaged.
   */
  constructor(file: DebugFile, offset: number, addressSize: number) {
    this.header = new LineHeader(file, offset);
    try {
      this.collectSequences(file.input.lowestCode, addressSize);
    } catch (error) {
      this.reason = reasonOf(error);
    }
  }

  /** The rows of the sequence that contains `address` and the index of the row that holds for it, or undefined. */
  find(address: number): { rows: Rows; row: number } | undefined {
    for (let i = this.sequences.find(address); i >= 0; i = this.sequences.find(address, i)) {
      const rows = this.rowsAt(this.sequences.payloadAt(i));
      const row = upperBound(rows.address, rows.count, address) - 1;
      if (row >= 0) return { rows, row };
    }
    return undefined;
  }

  private collectSequences(lowestCode: number | undefined, addressSize: number): void {
    const program = new LineProgram(this.header);
    let start = program.position;
    let begin = Number.POSITIVE_INFINITY;
    let dropped = false;
    let first = true;
    while (program.next()) {
      // The first row decides whether a sequence was dropped: what follows may have moved away from the tombstone.
      if (first) dropped = isTombstone(program.address, addressSize, lowestCode);
      first = false;
      if (program.endSequence) {
        if (!dropped) this.sequences.add(begin, program.address, start);
        start = program.position;
        begin = Number.POSITIVE_INFINITY;
        first = true;
      } else if (program.address < begin) {
        begin = program.address;
      }
    }
  }

  private rowsAt(start: number): Rows {
    let rows = this.rows.get(start);
    if (rows === undefined) {
      rows = this.decode(start);
      this.rows.set(start, rows);
    }
    return rows;
  }

  private decode(start: number): Rows {
    const program = new LineProgram(this.header);
    const address = new Float64List();
    const file = new Int32List();
    const line = new Int32List();
    const column = new Int32List();
    let ascending = true;
    program.seek(start);
    while (program.next() && !program.endSequence) {
      if (address.length >= MAX_SEQUENCE_ROWS)
        throw new LeaklineError("limit", `line sequence of more than ${MAX_SEQUENCE_ROWS} rows`);
      if (address.length > 0 && program.address < address.values[address.length - 1]) ascending = false;
      address.push(program.address);
      file.push(program.file);
      line.push(program.line);
      column.push(program.column);
    }
    const rows = {
      count: address.length,
      address: address.values,
      file: file.values,
      line: line.values,
      column: column.values,
    };
    return ascending ? rows : sortRows(rows);
  }
}

/** Rows must not go backwards (§6.2.5.1), but some compilers' do: then they count in the order of their addresses. */
function sortRows(rows: Rows): Rows {
  const order = stableOrder(rows.address, rows.count);
  const sorted = {
    count: rows.count,
    address: new Float64Array(rows.count),
    file: new Int32Array(rows.count),
    line: new Int32Array(rows.count),
    column: new Int32Array(rows.count),
  };
  for (let i = 0; i < rows.count; i++) {
    const from = order[i];
    sorted.address[i] = rows.address[from];
    sorted.file[i] = rows.file[from];
    sorted.line[i] = rows.line[from];
    sorted.column[i] = rows.column[from];
  }
  return sorted;
}
