/**
 * Which function of a unit, and which calls inlined into it, contain given addresses (DWARF 5 §3.3).
 *
 * The walks are WebAssembly (assembly/functions.ts, calls.ts), over the unit in their memory. They stop where a DIE's ranges are
 * not from one address to another: those are read here, and claimed there.
 *
 * As in FunctionTable, what DW_AT_sibling allows is jumped over, and the unit is walked again in full for the addresses
 * that were not found: a function may hide in a class or in another function.
 */

import type { ByteSource } from "../../base/bytes.ts";
import type { Cursor } from "../../base/cursor.ts";
import { aligned, roomFor } from "../../base/wasm.ts";
import { WasmWindow } from "../../base/wasm-window.ts";
import { CodeRanges, maxRangeEntries } from "../ranges.ts";
import { giveBack, takeScanner } from "../scanner.ts";
import type { Unit } from "../unit.ts";
import { NAME_RECORD } from "./name-records.ts";
import { DONE, WANTS_OWN_RANGES, WANTS_RANGES } from "./search-states.ts";

/** Bytes of range lists that are in memory at once, and of what follows, so that few lists are cut. */
const RANGE_PIECE = 1 << 17;
const MAX_LIST = 1 << 12;

/** Calls of one function that contain an address or another such call. */
const MAX_ROWS = 1 << 14;

export class UnitSearch {
  /** The ranges of the function whose calls were searched last. */
  readonly code = new CodeRanges();
  /** By index of the address: its function's DIE in the unit, -1 where there is none. Valid until the next `begin`. */
  dies!: Int32Array;
  /** Where the addresses of a function go before its calls are searched, ascending. */
  wanted!: Float64Array;
  /** Of the function whose calls were searched last, by index of its address: the row of the innermost call, or -1. */
  innermost!: Int32Array;
  /** By row: its DIE in the unit, and the row of the call around it or -1. */
  callDies!: Int32Array;
  callParents!: Int32Array;
  /** The names of that function, and behind them of each row, as name-records.ts has them. */
  names!: Float64Array;
  /** Where units are to be read into. */
  readonly window: WasmWindow;
  private readonly scanner = takeScanner();
  private unit!: Unit;
  private cursor!: Cursor;
  private count = 0;
  private rangeLists: ByteSource | undefined;
  /** What of it is in memory. */
  private pieceStart = 0;
  private pieceEnd = 0;
  // Where lists are in memory, in bytes; the window is behind them.
  private readonly addresses: number;
  private readonly foundDies: number;
  private readonly begins: number;
  private readonly ends: number;
  private readonly functionAddresses: number;
  private readonly rowsOfAddresses: number;
  private readonly rowDies: number;
  private readonly rowParents: number;
  private readonly nameRecords: number;
  private readonly rangePiece: number;

  /** @param maxCount addresses of one unit. */
  constructor(maxCount: number) {
    const { scanner } = this;
    const { code } = scanner;
    let end = scanner.firstFree;
    const take = (size: number): number => {
      const at = end;
      end += aligned(size);
      return at;
    };
    this.addresses = take(8 * maxCount);
    this.begins = take(8 * maxCount);
    this.ends = take(8 * maxCount);
    this.functionAddresses = take(8 * maxCount);
    this.foundDies = take(4 * maxCount);
    this.rowsOfAddresses = take(4 * maxCount);
    this.rowDies = take(4 * MAX_ROWS);
    this.rowParents = take(4 * MAX_ROWS);
    this.nameRecords = take(8 * NAME_RECORD * (MAX_ROWS + 1));
    this.rangePiece = take(roomFor(RANGE_PIECE + MAX_LIST));
    const open = take(code.openRoom());
    scanner.reserve(end);
    const { functionAddresses, rowsOfAddresses, rowDies, rowParents, nameRecords } = this;
    code.setCallLists(functionAddresses, rowsOfAddresses, rowDies, rowParents, nameRecords, MAX_ROWS, open);
    this.window = new WasmWindow(scanner, end);
    this.forgetRanges();
  }

  /**
   * Takes a unit to be searched.
   *
   * @param addresses ascending; the first `count` of them are looked up.
   * @returns false when it is larger than units are.
   */
  begin(unit: Unit, addresses: Float64Array, count: number): boolean {
    const { scanner, window } = this;
    const { abbreviations, header } = unit;
    this.unit = unit;
    this.count = count;
    const { bytes } = unit.cursor(header.rootOffset);
    // A split unit, or one in memory, goes behind the window: the skeleton in it is still wanted.
    const isHere = window.has(bytes);
    const at = isHere ? bytes.byteOffset : window.end;
    const table = isHere ? window.end : at + roomFor(bytes.length);
    const { length } = bytes;
    if (!scanner.reserve(table + 4 * abbreviations.size)) return false;
    if (!isHere) scanner.put(bytes, at);
    scanner.numbers.set(addresses.subarray(0, count), this.addresses / 8);
    scanner.words.set(abbreviations.words.subarray(0, abbreviations.size), table / 4);
    // Memory may have grown.
    this.cursor = unit.cursor(header.rootOffset);
    const { lowestCode = Number.POSITIVE_INFINITY } = unit.main.file.input;
    const littleEndian = this.cursor.littleEndian ? 1 : 0;
    const { code } = scanner;
    const { rootOffset, addressSize, offsetSize, refAddrSize } = header;
    const end = at + length;
    code.setUnit(at, end, rootOffset, table, addressSize, offsetSize, refAddrSize, lowestCode, littleEndian);
    const rangeLists = rangeSource(unit);
    if (rangeLists !== this.rangeLists) this.forgetRanges();
    this.rangeLists = rangeLists;
    const entries = maxRangeEntries(rangeLists?.size ?? 0);
    code.setRangeUnit(rangeLists ? header.version : 0, unit.base, entries);
    this.look();
    return true;
  }

  /** The lists are others once memory has grown. */
  private look(): void {
    const { words, numbers } = this.scanner;
    if (this.wanted?.buffer === numbers.buffer) return;
    this.dies = words.subarray(this.foundDies / 4);
    this.innermost = words.subarray(this.rowsOfAddresses / 4);
    this.callDies = words.subarray(this.rowDies / 4);
    this.callParents = words.subarray(this.rowParents / 4);
    this.names = numbers.subarray(this.nameRecords / 8);
    this.wanted = numbers.subarray(this.functionAddresses / 8);
  }

  /**
   * Finds the functions of all addresses.
   *
   * @returns false when the unit is damaged, or more functions overlap than compilers write.
   * @throws LeaklineError where a range list is damaged.
   */
  findFunctions(): boolean {
    if (!this.walk(this.addresses, this.foundDies, this.count, false)) return false;
    if (this.scanner.code.skipped.value === 0) return true;
    const { dies, count } = this;
    const missing: number[] = [];
    for (let i = 0; i < count; i++) if (dies[i] < 0) missing.push(i);
    if (missing.length === 0) return true;
    // The lists for a function's addresses are free now.
    const { numbers } = this.scanner;
    missing.forEach((i, at) => {
      numbers[this.functionAddresses / 8 + at] = numbers[this.addresses / 8 + i];
    });
    const { innermost } = this;
    if (!this.walk(this.functionAddresses, innermost.byteOffset, missing.length, true)) return false;
    missing.forEach((i, at) => {
      dies[i] = innermost[at];
    });
    return true;
  }

  private walk(addresses: number, dies: number, count: number, everything: boolean): boolean {
    const { code } = this.scanner;
    const ranges = new CodeRanges();
    code.beginFunctions(everything ? 1 : 0, addresses, count, dies, this.begins, this.ends);
    for (;;) {
      const state = code.searchFunctions();
      if (state !== WANTS_RANGES) return state === DONE;
      this.readFound(ranges);
      const { values, length } = ranges.pairs;
      for (let i = 0; i < length; i += 2) if (code.claimFunction(values[i], values[i + 1]) === 0) return false;
    }
  }

  /**
   * Finds the calls inlined into a function of the unit and the names of all, and reads its own ranges into `code`.
   *
   * @param die the function's, in the unit.
   * @param count addresses, which are in `wanted`: with 0, only the function itself is read.
   * @returns false when there is more here than compilers write, or it is damaged.
   * @throws LeaklineError where a range list is damaged.
   */
  findCalls(die: number, count: number): boolean {
    const { code } = this.scanner;
    let state = code.beginCalls(die, count);
    if (state === WANTS_OWN_RANGES) {
      this.readFound(this.code);
      state = code.searchCalls();
    } else this.code.setPlain(code.functionLow.value, code.functionHigh.value);
    let ranges: CodeRanges | undefined;
    while (state === WANTS_RANGES) {
      ranges ??= new CodeRanges();
      this.readFound(ranges);
      const { values, length } = ranges.pairs;
      for (let i = 0; i < length; i += 2) if (code.claimCall(values[i], values[i + 1]) === 0) return false;
      state = code.searchCalls();
    }
    return state === DONE;
  }

  /** It is not to be used again. */
  close(): void {
    giveBack(this.scanner);
  }

  /** Rows of calls that were found last. */
  get callCount(): number {
    return this.scanner.code.rowCount.value;
  }

  /** Reads the ranges of the DIE that a search has come to, and what lies behind its list, for the DIEs that follow. */
  private readFound(ranges: CodeRanges): void {
    const { foundAttributes, foundIndex } = this.scanner.code;
    this.cursor.seek(foundAttributes.value);
    ranges.readFrom(this.unit, foundIndex.value, this.cursor);
    if (ranges.listOffset !== undefined && this.rangeLists) this.loadRanges(this.rangeLists, ranges.listOffset);
  }

  private loadRanges(source: ByteSource, offset: number): void {
    const { scanner, rangePiece, pieceStart } = this;
    // What is there already was not to be read there.
    if (offset >= pieceStart && offset < this.pieceEnd - MAX_LIST) return;
    // Functions refer to lists from the first to the last, or the other way round.
    const start = Math.floor(offset / RANGE_PIECE) * RANGE_PIECE;
    const length = Math.min(RANGE_PIECE + MAX_LIST, source.size - start);
    this.forgetRanges();
    if (source.readInto) source.readInto(start, scanner.bytes.subarray(rangePiece, rangePiece + length));
    else scanner.bytes.set(source.read(start, length), rangePiece);
    scanner.bytes.fill(0, rangePiece + length, rangePiece + roomFor(length));
    scanner.code.setRangePiece(start, rangePiece, rangePiece + length);
    this.pieceStart = start;
    this.pieceEnd = start + length;
  }

  private forgetRanges(): void {
    this.scanner.code.setRangePiece(0, 0, 0);
    this.pieceStart = this.pieceEnd = 0;
  }
}

/** The section of a unit's range lists; undefined in GNU's split units, where they do not count from its beginning. */
function rangeSource(unit: Unit): ByteSource | undefined {
  if (unit.header.version >= 5) return unit.file.source(".debug_rnglists");
  return unit === unit.main ? unit.file.source(".debug_ranges") : undefined;
}
