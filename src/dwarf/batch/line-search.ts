/**
 * The rows that hold for many addresses, in one run of a line number program (DWARF 5 §6.2): assembly/lines.ts.
 *
 * It knows what compilers write, and leaves the rest to `LineTable`.
 */

import { roomFor } from "../../base/wasm.ts";
import { WasmWindow } from "../../base/wasm-window.ts";
import * as dw from "../constants.ts";
import type { LineHeader } from "../line-header.ts";
import { giveBack, takeScanner } from "../scanner.ts";

/** Of an opcode base, at most. */
const OPCODES = 256;

export class LineSearch {
  /** By index of the address: 1 where a row was found. Valid until the next search, as all below. */
  found!: Int32Array;
  file!: Int32Array;
  /** Unsigned 32 bits; 0 means that no line is the source of this code. */
  line!: Int32Array;
  /** 0 means that the column is unknown, or the left edge. */
  column!: Int32Array;
  /** Where line programs are to be read into. */
  readonly window: WasmWindow;
  private readonly scanner = takeScanner();
  // Where things are in memory, in bytes: the lists, lengths of opcodes, and then the window.
  private readonly lists: number;
  private readonly lengths: number;
  private readonly maxCount: number;

  /** @param maxCount addresses of one unit. */
  constructor(maxCount: number) {
    const { scanner } = this;
    this.maxCount = maxCount;
    this.lists = scanner.firstFree;
    this.lengths = this.lists + 8 * Math.ceil((scanner.code.lineHitRoom() * maxCount) / 8);
    const end = this.lengths + OPCODES;
    scanner.reserve(end);
    scanner.code.setLineLists(this.lists, maxCount);
    this.window = new WasmWindow(scanner, end);
  }

  /**
   * Runs the program once.
   *
   * @param addresses ascending; the first `count` of them are looked up.
   * @param addressSize of the unit, in bytes.
   * @returns false when the program is damaged or does what only `LineTable` knows.
   */
  run(
    header: LineHeader,
    addressSize: number,
    lowestCode: number | undefined,
    addresses: Float64Array,
    count: number,
  ): boolean {
    const { scanner, window, lists, lengths } = this;
    const { code } = scanner;
    const { opcodeBase, minInstLength, programStart, bytes } = header;
    // Several operations an instruction: no machine that Linux still runs on.
    if (header.maxOpsPerInst !== 1 || opcodeBase <= dw.DW_LNS_set_isa) return false;
    let at = bytes.byteOffset;
    if (!window.has(bytes)) {
      at = window.end;
      if (!scanner.reserve(at + roomFor(bytes.length))) return false;
      scanner.put(bytes, at);
    }
    scanner.numbers.set(addresses.subarray(0, count), lists / 8);
    scanner.bytes.set(header.opcodeLengths, lengths);
    const littleEndian = header.littleEndian ? 1 : 0;
    code.setProgram(opcodeBase, minInstLength, header.lineBase, header.lineRange, lengths, littleEndian);
    this.look();
    const lowest = lowestCode ?? Number.POSITIVE_INFINITY;
    const end = at + bytes.length;
    return code.searchLines(at + programStart, end, count, opcodeBase, minInstLength, addressSize, lowest) !== 0;
  }

  /** No program: nothing is found. */
  clear(count: number): void {
    this.look();
    this.found.fill(0, 0, count);
  }

  /** It is not to be used again. */
  close(): void {
    giveBack(this.scanner);
  }

  /** The lists are others once memory has grown. */
  private look(): void {
    const { words } = this.scanner;
    if (this.found?.buffer === words.buffer) return;
    // Three lists of doubles, then those of words, as assembly/lines.ts has them.
    const list = (number: number): Int32Array => words.subarray(this.lists / 4 + (6 + number) * this.maxCount);
    this.found = list(0);
    this.file = list(1);
    this.line = list(2);
    this.column = list(3);
  }
}
