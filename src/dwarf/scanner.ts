/**
 * The loops of assembly/ with a memory of their own, into which what they read is put, and where they leave what they find.
 */

import { compileWasm, WASM_PAGE, type WasmMemory } from "../base/wasm.ts";
import { CODE } from "./scanner-code.ts";

type Global = { readonly value: number };

/** What assembly/index.ts exports; see there. A bool is 0 or 1. */
type Code = {
  readonly memory: WasmMemory;
  firstFree(): number;
  setByteOrder(littleEndian: number): void;
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
  readonly unknownForm: Global;
  setUnit(
    from: number,
    end: number,
    table: number,
    addressSize: number,
    lowestCode: number,
    littleEndian: number,
  ): void;
  readonly foundDie: Global;
  readonly foundIndex: Global;
  readonly foundAttributes: Global;
  beginFunctions(
    root: number,
    everything: number,
    addresses: number,
    count: number,
    dies: number,
    begins: number,
    ends: number,
  ): void;
  searchFunctions(): number;
  claimFunction(begin: number, end: number): number;
  readonly skipped: Global;
  openRoom(): number;
  setCallLists(
    addresses: number,
    innermost: number,
    dies: number,
    parents: number,
    rows: number,
    openCalls: number,
  ): void;
  beginCalls(die: number, count: number): number;
  searchCalls(): number;
  claimCall(begin: number, end: number): number;
  readonly rowCount: Global;
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

/** Zeros behind everything that is read: see assembly/bytes.ts. */
const PADDING = 16;
/** Memory that a scanner may take, in bytes: no unit that a compiler wrote comes near. */
const MAX_MEMORY = 1 << 30;

let instantiate: (() => Code) | undefined;

export class Scanner {
  readonly code: Code;
  /** The memory. To be fetched again after `reserve`, which may replace them. */
  bytes!: Uint8Array;
  words!: Int32Array;
  numbers!: Float64Array;
  /** The first byte that is free; a multiple of 8. */
  readonly firstFree: number;

  constructor() {
    instantiate ??= compileWasm<Code>(CODE);
    this.code = instantiate();
    this.firstFree = aligned(this.code.firstFree());
    this.look();
  }

  /** Makes the memory large enough. @param size in bytes. @returns false when that is more than it may have. */
  reserve(size: number): boolean {
    const missing = size - this.bytes.length;
    if (missing <= 0) return true;
    if (size > MAX_MEMORY) return false;
    // By half at least: to grow means to copy.
    const pages = Math.ceil(Math.max(missing, Math.min(this.bytes.length / 2, MAX_MEMORY - this.bytes.length)) / WASM_PAGE);
    this.code.memory.grow(pages);
    this.look();
    return true;
  }

  /** Puts bytes into memory, where `reserve` has made room, and zeros behind them. */
  put(bytes: Uint8Array, at: number): void {
    this.bytes.set(bytes, at);
    this.bytes.fill(0, at + bytes.length, at + bytes.length + PADDING);
  }

  private look(): void {
    const { buffer } = this.code.memory;
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.numbers = new Float64Array(buffer);
  }
}

/** Bytes of memory for so many that are put there, up to the next thing. */
export function roomFor(length: number): number {
  return aligned(length + PADDING);
}

export function aligned(size: number): number {
  return Math.ceil(size / 8) * 8;
}
