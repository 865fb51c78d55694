/**
 * A compressed block of Zstandard (RFC 8878 §3.1.1.3): literals, then sequences that say how many literals to copy and
 * what earlier output to repeat.
 *
 * Tables and offsets carry over from block to block of a frame. Nothing is written outside the output, and a sequence
 * yields at least three bytes, so a block cannot cost more than its output.
 */

import { BackwardBits, damaged } from "./zstd-bits.ts";
import {
  buildFseTable,
  type FseTable,
  type HuffmanTable,
  readFseTable,
  readHuffmanTable,
  singleSymbol,
} from "./zstd-tables.ts";

/** What a code of one kind means: a number in [base, base + 2^bits). And the limits of its FSE table. */
type Kind = {
  bases: readonly number[];
  bits: readonly number[];
  maxLog: number;
  /** Of the table that a frame need not state: made when one does not. */
  chances: readonly number[];
  log: number;
  preset?: FseTable;
};

/** §3.1.1.3.2.1.1: literals lengths, match lengths. */
const LITERALS: Kind = {
  ...codes(
    0,
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  ),
  maxLog: 9,
  chances: [
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
  ],
  log: 6,
};
const MATCHES: Kind = {
  ...codes(3, [...new Array<number>(32).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
  maxLog: 9,
  chances: [1, 4, 3, 2, 2, 2, 2, 2, 2, ...new Array<number>(37).fill(1), -1, -1, -1, -1, -1, -1, -1],
  log: 6,
};
/** Offsets: code *n* stands for 2^n and *n* more bits. */
const OFFSETS: Kind = {
  ...codes(
    1,
    Array.from({ length: 32 }, (_, code) => code),
  ),
  maxLog: 8,
  chances: [1, 1, 1, 1, 1, 1, 2, 2, 2, ...new Array<number>(15).fill(1), -1, -1, -1, -1, -1],
  log: 5,
};

/** §3.1.1.2.4 */
const MAX_BLOCK = 128 << 10;

export class BlockDecoder {
  /** Where the next byte of output goes. */
  position: number;
  private readonly output: Uint8Array;
  /** Where the frame's output begins: nothing before it may be repeated. */
  private readonly start: number;
  private huffman: HuffmanTable | undefined;
  private readonly tables = new Map<Kind, FseTable>();
  /** §3.1.1.5: the last three offsets. */
  private readonly recent = [1, 4, 8];

  constructor(output: Uint8Array, start: number) {
    this.output = output;
    this.start = start;
    this.position = start;
  }

  raw(bytes: Uint8Array): void {
    this.need(bytes.length);
    this.output.set(bytes, this.position);
    this.position += bytes.length;
  }

  repeat(byte: number, count: number): void {
    this.need(count);
    this.output.fill(byte, this.position, this.position + count);
    this.position += count;
  }

  compressed(block: Uint8Array): void {
    const { literals, size } = this.readLiterals(block);
    this.readSequences(block.subarray(size), literals);
  }

  /** §3.1.1.3.1 */
  private readLiterals(block: Uint8Array): { literals: Uint8Array; size: number } {
    const first = block.length > 0 ? block[0] : 0;
    const type = first & 3;
    const format = (first >> 2) & 3;
    if (type === 0 || type === 1) {
      const length = format === 1 ? 2 : format === 3 ? 3 : 1;
      const count = littleEndian(block, length) >> (length === 1 ? 3 : 4);
      const used = type === 1 ? 1 : count;
      if (count > MAX_BLOCK || length + used > block.length) throw damaged("literals that are cut off");
      const bytes = block.subarray(length, length + used);
      return { literals: type === 1 ? new Uint8Array(count).fill(bytes[0]) : bytes, size: length + used };
    }
    const length = format < 2 ? 3 : format + 2;
    const bits = format < 2 ? 10 : format === 2 ? 14 : 18;
    const sizes = Math.floor(littleEndian(block, length) / 16);
    const count = sizes % 2 ** bits;
    const used = Math.floor(sizes / 2 ** bits);
    if (count > MAX_BLOCK || length + used > block.length) throw damaged("literals that are cut off");
    let streams = block.subarray(length, length + used);
    if (type === 2) {
      const { table, size } = readHuffmanTable(streams);
      this.huffman = table;
      streams = streams.subarray(size);
    }
    if (!this.huffman) throw damaged("literals that repeat a table that was never given");
    const literals = new Uint8Array(count);
    if (format === 0) decodeLiterals(this.huffman, streams, literals);
    else decodeFourStreams(this.huffman, streams, literals);
    return { literals, size: length + used };
  }

  /** §3.1.1.3.2 */
  private readSequences(section: Uint8Array, literals: Uint8Array): void {
    let at = 1;
    let count = littleEndian(section, 1);
    if (count === 255) {
      count = littleEndian(section.subarray(1), 2) + 0x7f00;
      at = 3;
    } else if (count >= 128) {
      count = (count - 128) * 256 + littleEndian(section.subarray(1), 1);
      at = 2;
    }
    if (count === 0) {
      if (section.length !== at) throw damaged("bytes behind the last block");
      this.raw(literals);
      return;
    }
    const modes = littleEndian(section.subarray(at), 1);
    if (modes & 3) throw damaged("reserved bits are set in a block");
    at++;
    at += this.readTable(LITERALS, modes >> 6, section.subarray(at));
    at += this.readTable(OFFSETS, (modes >> 4) & 3, section.subarray(at));
    at += this.readTable(MATCHES, (modes >> 2) & 3, section.subarray(at));
    this.runSequences(count, new BackwardBits(section.subarray(at)), literals);
  }

  /** Returns how many bytes the description takes. */
  private readTable(kind: Kind, mode: number, bytes: Uint8Array): number {
    if (mode === 0) {
      kind.preset ??= buildFseTable(kind.chances, kind.log);
      this.tables.set(kind, kind.preset);
    }
    if (mode === 1) {
      const symbol = littleEndian(bytes, 1);
      if (symbol >= kind.bases.length) throw damaged(`a code ${symbol} that does not exist`);
      this.tables.set(kind, singleSymbol(symbol));
      return 1;
    }
    if (mode === 2) {
      const { table, size } = readFseTable(bytes, kind.maxLog, kind.bases.length - 1);
      this.tables.set(kind, table);
      return size;
    }
    return 0;
  }

  /** §3.1.1.4 */
  private runSequences(count: number, input: BackwardBits, literals: Uint8Array): void {
    const literalTable = this.tables.get(LITERALS);
    const offsetTable = this.tables.get(OFFSETS);
    const matchTable = this.tables.get(MATCHES);
    if (!literalTable || !offsetTable || !matchTable) throw damaged("a block that repeats tables never given");
    let literalState = input.read(literalTable.log);
    let offsetState = input.read(offsetTable.log);
    let matchState = input.read(matchTable.log);
    let used = 0;
    for (let i = 0; i < count; i++) {
      const offsetCode = offsetTable.symbols[offsetState];
      const matchCode = matchTable.symbols[matchState];
      const literalCode = literalTable.symbols[literalState];
      const offsetValue = 2 ** offsetCode + input.read(offsetCode);
      const matchLength = MATCHES.bases[matchCode] + input.read(MATCHES.bits[matchCode]);
      const literalLength = LITERALS.bases[literalCode] + input.read(LITERALS.bits[literalCode]);
      if (i < count - 1) {
        literalState = literalTable.bases[literalState] + input.read(literalTable.bits[literalState]);
        matchState = matchTable.bases[matchState] + input.read(matchTable.bits[matchState]);
        offsetState = offsetTable.bases[offsetState] + input.read(offsetTable.bits[offsetState]);
      }
      if (input.left < 0 || literalLength > literals.length - used) throw damaged("sequences that are cut off");
      this.raw(literals.subarray(used, used + literalLength));
      used += literalLength;
      this.copy(this.offset(offsetValue, literalLength === 0), matchLength);
    }
    if (input.left !== 0) throw damaged("bits behind the last sequence");
    this.raw(literals.subarray(used));
  }

  /** §3.1.1.5: values 1 to 3 name a recent offset; without literals before it, the one after, and the first less one. */
  private offset(value: number, noLiterals: boolean): number {
    const { recent } = this;
    if (value > 3) {
      recent[2] = recent[1];
      recent[1] = recent[0];
      recent[0] = value - 3;
      return recent[0];
    }
    const which = value - 1 + (noLiterals ? 1 : 0);
    const offset = which === 3 ? recent[0] - 1 : recent[which];
    if (which >= 2) recent[2] = recent[1];
    if (which >= 1) recent[1] = recent[0];
    recent[0] = offset;
    return offset;
  }

  private copy(offset: number, length: number): void {
    const { output } = this;
    const to = this.position;
    if (offset === 0 || offset > to - this.start) throw damaged(`a repetition from ${offset} bytes back`, to);
    this.need(length);
    // What is copied may overlap what it is copied to: then the bytes just written are repeated.
    if (offset >= length) output.copyWithin(to, to - offset, to - offset + length);
    else for (let i = to; i < to + length; i++) output[i] = output[i - offset];
    this.position = to + length;
  }

  private need(count: number): void {
    if (count > this.output.length - this.position) throw damaged("more contents than expected", this.position);
  }
}

/** §4.2.2: four streams side by side, the sizes of the first three in front. */
function decodeFourStreams(table: HuffmanTable, streams: Uint8Array, literals: Uint8Array): void {
  const quarter = Math.floor((literals.length + 3) / 4);
  let from = 6;
  for (let i = 0; i < 4; i++) {
    const size = i < 3 ? littleEndian(streams.subarray(2 * i), 2) : streams.length - from;
    if (from + size > streams.length || 3 * quarter > literals.length) throw damaged("literals that are cut off");
    const part = literals.subarray(i * quarter, i < 3 ? (i + 1) * quarter : literals.length);
    decodeLiterals(table, streams.subarray(from, from + size), part);
    from += size;
  }
}

function decodeLiterals(table: HuffmanTable, stream: Uint8Array, literals: Uint8Array): void {
  const { log, symbols, bits } = table;
  const input = new BackwardBits(stream);
  for (let i = 0; i < literals.length; i++) {
    const code = input.peek(log);
    literals[i] = symbols[code];
    input.left -= bits[code];
  }
  if (input.left !== 0) throw damaged("literals that do not end where their bits do");
}

/** The bases of codes: each begins where the one before it ends. */
function codes(first: number, bits: readonly number[]): Pick<Kind, "bases" | "bits"> {
  const bases = [first];
  for (const count of bits.slice(0, -1)) bases.push(bases[bases.length - 1] + 2 ** count);
  return { bases, bits };
}

function littleEndian(bytes: Uint8Array, length: number): number {
  if (length > bytes.length) throw damaged("a block that is cut off");
  let value = 0;
  for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[i];
  return value;
}
