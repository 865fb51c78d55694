/**
 * Zstandard's entropy tables: Finite State Entropy (RFC 8878 §4.1) and Huffman (§4.2).
 *
 * Both become flat arrays that are indexed by the next bits, so that decoding a symbol is a look into a table.
 */

import { BackwardBits, damaged, ForwardBits } from "./zstd-bits.ts";

/** Row *s* of the columns is state *s*: the symbol it stands for, and how the next state is made. */
export type FseTable = {
  /** log2 of the number of states. */
  log: number;
  symbols: Uint8Array;
  /** Bits to read for the next state, and what to add to them. */
  bits: Uint8Array;
  bases: Uint16Array;
};

/** Indexed by the next `log` bits: the symbol, and how many of the bits are its code. */
export type HuffmanTable = { log: number; symbols: Uint8Array; bits: Uint8Array };

/** The table with one symbol: it takes no bits. */
export function singleSymbol(symbol: number): FseTable {
  return { log: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), bases: new Uint16Array(1) };
}

/**
 * Reads the description of an FSE table (§4.1.1).
 *
 * @param maxLog largest table allowed, as log2.
 * @param maxSymbol largest symbol allowed.
 * @returns the table, and how many bytes its description takes.
 */
export function readFseTable(bytes: Uint8Array, maxLog: number, maxSymbol: number): { table: FseTable; size: number } {
  const input = new ForwardBits(bytes);
  const log = input.read(4) + 5;
  if (log > maxLog) throw damaged(`a table of 2^${log} states`);
  const chances: number[] = [];
  let left = 1 << log;
  while (left > 0) {
    if (chances.length > maxSymbol) throw damaged("a table with too many symbols");
    const chance = readChance(input, left);
    left -= Math.abs(chance);
    chances.push(chance);
    if (chance !== 0) continue;
    // How many more zeros follow, two bits at a time; 3 says that another two bits follow.
    for (let zeros = 3; zeros === 3; ) {
      zeros = input.read(2);
      for (let i = 0; i < zeros; i++) chances.push(0);
      if (chances.length > maxSymbol) throw damaged("a table with too many symbols");
    }
  }
  return { table: buildFseTable(chances, log), size: input.length };
}

/** A number in [-1, left]; the small ones take a bit less, for as many of them as there are spare codes. */
function readChance(input: ForwardBits, left: number): number {
  const bits = 32 - Math.clz32(left + 1);
  const short = (1 << bits) - 2 - left;
  const half = 1 << (bits - 1);
  let value = input.read(bits);
  if ((value & (half - 1)) < short) {
    input.unreadBit();
    value &= half - 1;
  } else if (value >= half) value -= short;
  return value - 1;
}

/**
 * Spreads the symbols over the states (§4.1.1, "From normalized distribution to decoding tables").
 *
 * @param chances how many of the 2^`log` states each symbol gets; -1 is "less than one": a single state at the end.
 */
export function buildFseTable(chances: readonly number[], log: number): FseTable {
  const size = 1 << log;
  const table = { log, symbols: new Uint8Array(size), bits: new Uint8Array(size), bases: new Uint16Array(size) };
  const next = new Uint16Array(chances.length);
  let high = size;
  for (const [symbol, chance] of chances.entries()) {
    next[symbol] = Math.abs(chance);
    if (chance === -1) table.symbols[--high] = symbol;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let state = 0;
  for (const [symbol, chance] of chances.entries()) {
    for (let i = 0; i < chance; i++) {
      table.symbols[state] = symbol;
      do state = (state + step) & (size - 1);
      while (state >= high);
    }
  }
  for (let i = 0; i < size; i++) {
    const order = next[table.symbols[i]]++;
    const bits = log - (31 - Math.clz32(order));
    table.bits[i] = bits;
    table.bases[i] = (order << bits) - size;
  }
  return table;
}

/**
 * Reads the description of a Huffman code (§4.2.1).
 *
 * @returns the table, and how many bytes its description takes.
 */
export function readHuffmanTable(bytes: Uint8Array): { table: HuffmanTable; size: number } {
  if (bytes.length === 0) throw damaged("no Huffman table");
  const header = bytes[0];
  if (header < 128) {
    if (1 + header > bytes.length) throw damaged("a Huffman table that is cut off");
    return { table: buildHuffmanTable(readWeights(bytes.subarray(1, 1 + header))), size: 1 + header };
  }
  const count = header - 127;
  const size = 1 + Math.ceil(count / 2);
  if (size > bytes.length) throw damaged("a Huffman table that is cut off");
  const weights: number[] = [];
  for (let i = 0; i < count; i++) weights.push(i % 2 ? bytes[1 + (i >> 1)] & 15 : bytes[1 + (i >> 1)] >> 4);
  return { table: buildHuffmanTable(weights), size };
}

/** Weights coded with FSE: two states take turns until the bits run out (§4.2.1.2). */
function readWeights(bytes: Uint8Array): number[] {
  const { table, size } = readFseTable(bytes, MAX_WEIGHT_LOG, MAX_HUFFMAN_LOG + 1);
  const input = new BackwardBits(bytes.subarray(size));
  const weights: number[] = [];
  let state = input.read(table.log);
  let other = input.read(table.log);
  if (input.left < 0) throw damaged("Huffman weights that are cut off");
  for (;;) {
    weights.push(table.symbols[state]);
    if (weights.length > MAX_WEIGHTS) throw damaged("too many Huffman weights");
    const updated = table.bases[state] + input.read(table.bits[state]);
    state = other;
    if (input.left < 0) {
      weights.push(table.symbols[state]);
      return weights;
    }
    other = updated;
  }
}

/** From weights to codes (§4.2.1.3): the last weight is not stated, it is what makes the sum a power of two. */
function buildHuffmanTable(weights: readonly number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    if (weight > MAX_HUFFMAN_LOG) throw damaged("a Huffman code that is too long");
    sum += weight > 0 ? 1 << (weight - 1) : 0;
  }
  if (sum === 0 || weights.length > MAX_WEIGHTS) throw damaged("a Huffman code without symbols");
  const log = 32 - Math.clz32(sum);
  const rest = (1 << log) - sum;
  if (log > MAX_HUFFMAN_LOG || (rest & (rest - 1)) !== 0) throw damaged("a Huffman code with gaps");
  const all = [...weights, 32 - Math.clz32(rest)];
  const table = { log, symbols: new Uint8Array(1 << log), bits: new Uint8Array(1 << log) };
  let at = 0;
  for (let weight = 1; weight <= log; weight++) {
    for (const [symbol, own] of all.entries()) {
      if (own !== weight) continue;
      const count = 1 << (weight - 1);
      table.symbols.fill(symbol, at, at + count);
      table.bits.fill(log + 1 - weight, at, at + count);
      at += count;
    }
  }
  return table;
}

/** §4.2.1: longest Huffman code in bits; §4.2.1.2: largest table for weights, as log2; a byte has 256 values. */
const MAX_HUFFMAN_LOG = 11;
const MAX_WEIGHT_LOG = 6;
const MAX_WEIGHTS = 255;
