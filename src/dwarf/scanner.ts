/**
 * The loops of assembly/ with a memory of their own, into which what they read is put, and where they leave what they find.
 */

import { Wasm, type WasmCode, WasmModule, type WasmVariable } from "../base/wasm.ts";
import { CODE } from "./scanner-code.ts";

/** What assembly/index.ts exports; see there. */
type Code = WasmCode & {
  abbreviationRoom(length: number): number;
  compileAbbreviations(
    from: number,
    end: number,
    out: number,
    wanted: number,
    addressSize: number,
    offsetSize: number,
    refAddrSize: number,
  ): void;
  readonly arangesEnd: WasmVariable;
  readonly arangesState: WasmVariable;
  readonly seenCount: WasmVariable;
  readonly rangeCount: WasmVariable;
  readonly setCount: WasmVariable;
  rangeRoom(length: number): number;
  setRoom(length: number): number;
  readAranges(
    from: number,
    end: number,
    wanted: number,
    count: number,
    lowest: number,
    littleEndian: number,
    ranges: number,
    sets: number,
  ): void;
  setUnit(
    from: number,
    end: number,
    root: number,
    table: number,
    addressSize: number,
    offsetSize: number,
    refAddrSize: number,
    lowestCode: number,
    littleEndian: number,
  ): void;
  setRangeUnit(version: number, base: number, limit: number): void;
  setRangePiece(start: number, at: number, end: number): void;
  readonly foundDie: WasmVariable;
  readonly foundIndex: WasmVariable;
  readonly foundAttributes: WasmVariable;
  beginFunctions(
    everything: number,
    addresses: number,
    count: number,
    dies: number,
    begins: number,
    ends: number,
  ): void;
  searchFunctions(): number;
  claimFunction(begin: number, end: number): number;
  readonly skipped: WasmVariable;
  openRoom(): number;
  setCallLists(
    addresses: number,
    innermost: number,
    dies: number,
    parents: number,
    names: number,
    rows: number,
    openCalls: number,
  ): void;
  beginCalls(die: number, count: number): number;
  searchCalls(): number;
  claimCall(begin: number, end: number): number;
  readonly functionLow: WasmVariable;
  readonly functionHigh: WasmVariable;
  readonly rowCount: WasmVariable;
  lineHitRoom(): number;
  setLineLists(at: number, length: number): void;
  setProgram(
    opcodeBase: number,
    minInstLength: number,
    lineBase: number,
    lineRange: number,
    lengths: number,
    littleEndian: number,
  ): void;
  searchLines(
    from: number,
    end: number,
    count: number,
    opcodeBase: number,
    minInstLength: number,
    addressSize: number,
    lowestCode: number,
  ): number;
};

export type Scanner = Wasm<Code>;

let module: WasmModule | undefined;
/** Given back, for whoever wants one next. */
const spare: Scanner[] = [];
const MAX_SPARE = 2;
/** Memory of a spare one, in bytes: what had a large unit in it is not kept. */
const MAX_SPARE_MEMORY = 1 << 23;

/** @throws LeaklineError `unsupported` where there is no WebAssembly. */
export function takeScanner(): Scanner {
  module ??= new WasmModule(CODE);
  return spare.pop() ?? new Wasm<Code>(module);
}

/** Nothing that was found with it may be used any more. */
export function giveBack(scanner: Scanner): void {
  if (spare.length < MAX_SPARE && scanner.bytes.length <= MAX_SPARE_MEMORY) spare.push(scanner);
}
