/**
 * Deflate (RFC 1951) in its two containers, zlib (RFC 1950) and gzip (RFC 1952), for where there is no `node:zlib`.
 *
 * A browser inflates too, but only asynchronously (DecompressionStream), and a section is needed in the middle of a
 * lookup. The output has the size that was agreed on and never grows, so the work is bounded by it; each container's
 * checksum is verified.
 *
 * Codes of up to `FAST_BITS` bits are looked up in one table by the bits that come next; the few that are longer are
 * found by counting, as canonical codes allow (§3.2.2).
 */

import { MalformedError } from "../base/errors.ts";
import { crc32 } from "./crc.ts";

/**
 * Inflates a zlib stream to exactly `size` bytes.
 *
 * @throws MalformedError for damage, another size, or bytes behind the stream.
 */
export function inflateZlib(input: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  const header = (byteAt(input, 0) << 8) | byteAt(input, 1);
  // §2.2: method 8 with a window of at most 32 KiB, check bits, no preset dictionary.
  if ((header & 0x0f00) !== 0x0800 || header >> 12 > 7 || header % 31 !== 0 || (header & 0x20) !== 0)
    throw damaged("not a zlib stream that can be read", 0);
  const end = inflate(input, 2, output, 0);
  if (end.to !== size) throw damaged(`${size} bytes expected, ${end.to} found`, end.from);
  if (bigEndian(input, end.from) !== adler32(output)) throw damaged("wrong checksum", end.from);
  if (end.from + 4 !== input.length) throw damaged("bytes behind the end", end.from + 4);
  return output;
}

/**
 * Inflates all members of a gzip file to exactly `size` bytes.
 *
 * @throws MalformedError for damage or another size.
 */
export function inflateGzip(input: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  let from = 0;
  let to = 0;
  do {
    const end = inflate(input, skipGzipHeader(input, from), output, to);
    const content = output.subarray(to, end.to);
    if (littleEndian(input, end.from) !== crc32(content)) throw damaged("wrong checksum", end.from);
    if (littleEndian(input, end.from + 4) !== content.length) throw damaged("wrong length", end.from + 4);
    from = end.from + 8;
    to = end.to;
  } while (from < input.length);
  if (to !== size) throw damaged(`${size} bytes expected, ${to} found`, from);
  return output;
}

/** RFC 1952 §2.3: the flags of a member's header. */
const HAS_HEADER_CRC = 2;
const HAS_EXTRA = 4;
const HAS_NAME = 8;
const HAS_COMMENT = 16;

/** @returns where the deflated data begins. */
function skipGzipHeader(input: Uint8Array, start: number): number {
  const flags = byteAt(input, start + 3);
  if (byteAt(input, start) !== 0x1f || byteAt(input, start + 1) !== 0x8b || byteAt(input, start + 2) !== 8)
    throw damaged("not a gzip file", start);
  if (flags & 0xe0) throw damaged("reserved flags", start + 3);
  let at = start + 10;
  if (flags & HAS_EXTRA) at += 2 + (byteAt(input, at) | (byteAt(input, at + 1) << 8));
  for (const flag of [HAS_NAME, HAS_COMMENT]) {
    if (!(flags & flag)) continue;
    const end = input.indexOf(0, at);
    if (end < 0) throw damaged("a header that is cut off", at);
    at = end + 1;
  }
  return flags & HAS_HEADER_CRC ? at + 2 : at;
}

/** Which code has which symbol. */
type Code = {
  /** Indexed by the next `FAST_BITS` bits: the symbol << 4 | the length of its code; 0 for longer codes. */
  fast: Uint16Array;
  /** How many codes have each length; the symbols in the order of their codes. */
  counts: Uint16Array;
  symbols: Uint16Array;
};

const FAST_BITS = 10;
/** RFC 1951 §3.2.7 */
const MAX_BITS = 15;
/** §3.2.5: lengths 257–285 and distances 0–29, each its base and how many bits to add. */
const LENGTH_BASES = Uint16Array.of(
  ...[
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
  ],
);
const LENGTH_BITS = Uint8Array.of(
  ...[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0],
);
const DISTANCES = 30;
const DISTANCE_BITS = Uint8Array.from({ length: DISTANCES }, (_, code) => Math.max(0, (code >> 1) - 1));
const DISTANCE_BASES = Uint16Array.from({ length: DISTANCES }, (_, code) =>
  code < 2 ? code + 1 : ((2 + (code & 1)) << DISTANCE_BITS[code]) + 1,
);
/** §3.2.7: the order in which the lengths of the code for lengths are given. */
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const END_OF_BLOCK = 256;

/** §3.2.6: the fixed codes. */
let fixedCodes: { literals: Code; distances: Code } | undefined;

function fixed(): { literals: Code; distances: Code } {
  const lengths = Uint8Array.from({ length: 288 }, (_, symbol) =>
    symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8,
  );
  fixedCodes ??= { literals: buildCode(lengths), distances: buildCode(new Uint8Array(32).fill(5)) };
  return fixedCodes;
}

/** Reads bits from the lowest up. Behind the end come zeros; whoever read them is told afterwards. */
class Bits {
  readonly input: Uint8Array;
  at: number;
  /** Read from `input` and not yet used: the lowest `count` bits, at most 31. */
  bits = 0;
  count = 0;

  constructor(input: Uint8Array, at: number) {
    this.input = input;
    this.at = at;
  }

  /** Makes at least 16 bits available. */
  fill(): void {
    while (this.count <= 22) {
      if (this.at < this.input.length) this.bits |= this.input[this.at] << this.count;
      this.at++;
      this.count += 8;
    }
  }

  /** @param count at most 16. */
  read(count: number): number {
    if (this.count < count) this.fill();
    const value = this.bits & ((1 << count) - 1);
    this.bits >>>= count;
    this.count -= count;
    return value;
  }

  /** The next symbol of a code. */
  symbol(code: Code): number {
    if (this.count < MAX_BITS) this.fill();
    const entry = code.fast[this.bits & ((1 << FAST_BITS) - 1)];
    if (entry !== 0) {
      this.bits >>>= entry & 15;
      this.count -= entry & 15;
      return entry >> 4;
    }
    return this.longSymbol(code);
  }

  /** Steps to the next whole byte; gives back those that were read ahead. @returns where that is. */
  align(): number {
    const position = this.at - (this.count >> 3);
    this.at = position;
    this.bits = 0;
    this.count = 0;
    if (position > this.input.length) throw damaged("the data is cut off", this.input.length);
    return position;
  }

  /** Bit by bit: the codes of a length are consecutive numbers, which begin where those of the length before end. */
  private longSymbol(code: Code): number {
    let value = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= MAX_BITS; length++) {
      value |= (this.bits >>> (length - 1)) & 1;
      const count = code.counts[length];
      if (value - first < count) {
        this.bits >>>= length;
        this.count -= length;
        return code.symbols[index + value - first];
      }
      index += count;
      first = (first + count) << 1;
      value <<= 1;
    }
    throw damaged("a code that stands for nothing", this.at);
  }
}

/** Inflates blocks up to the last one. @returns how far that came in input and output. */
function inflate(input: Uint8Array, from: number, output: Uint8Array, start: number): { from: number; to: number } {
  const bits = new Bits(input, from);
  let to = start;
  for (let isLast = false; !isLast; ) {
    isLast = bits.read(1) === 1;
    const type = bits.read(2);
    if (type === 0) to = copyStored(bits, output, to);
    else if (type === 1) to = inflateBlock(bits, fixed().literals, fixed().distances, output, start, to);
    else if (type === 2) {
      const { literals, distances } = readCodes(bits);
      to = inflateBlock(bits, literals, distances, output, start, to);
    } else throw damaged("a block of unknown type", bits.at);
    if (bits.at - (bits.count >> 3) > input.length) throw damaged("the data is cut off", input.length);
  }
  return { from: bits.align(), to };
}

/** §3.2.4 */
function copyStored(bits: Bits, output: Uint8Array, to: number): number {
  const at = bits.align();
  const { input } = bits;
  const length = byteAt(input, at) | (byteAt(input, at + 1) << 8);
  if ((length ^ (byteAt(input, at + 2) | (byteAt(input, at + 3) << 8))) !== 0xffff) throw damaged("a stored block", at);
  if (at + 4 + length > input.length) throw damaged("the data is cut off", input.length);
  if (length > output.length - to) throw damaged(`more than the ${output.length} bytes expected`, at);
  output.set(input.subarray(at + 4, at + 4 + length), to);
  bits.at = at + 4 + length;
  return to + length;
}

/** §3.2.7 */
function readCodes(bits: Bits): { literals: Code; distances: Code } {
  const literals = bits.read(5) + 257;
  const distances = bits.read(5) + 1;
  const given = bits.read(4) + 4;
  if (literals > 286 || distances > DISTANCES) throw damaged("a code with too many symbols", bits.at);
  const ofLengths = new Uint8Array(19);
  for (let i = 0; i < given; i++) ofLengths[LENGTH_ORDER[i]] = bits.read(3);
  const code = buildCode(ofLengths);
  const lengths = new Uint8Array(literals + distances);
  for (let i = 0; i < lengths.length; ) {
    const symbol = bits.symbol(code);
    if (symbol < 16) {
      lengths[i++] = symbol;
      continue;
    }
    if (symbol === 16 && i === 0) throw damaged("a length to repeat where there is none", bits.at);
    const repeats = symbol === 16 ? 3 + bits.read(2) : symbol === 17 ? 3 + bits.read(3) : 11 + bits.read(7);
    if (repeats > lengths.length - i) throw damaged("too many lengths", bits.at);
    lengths.fill(symbol === 16 ? lengths[i - 1] : 0, i, i + repeats);
    i += repeats;
  }
  if (lengths[END_OF_BLOCK] === 0) throw damaged("a block without an end", bits.at);
  return { literals: buildCode(lengths.subarray(0, literals)), distances: buildCode(lengths.subarray(literals)) };
}

/**
 * §3.2.2: the codes follow from their lengths.
 *
 * @param lengths of each symbol's code; 0: it has none.
 */
function buildCode(lengths: Uint8Array): Code {
  const counts = new Uint16Array(MAX_BITS + 1);
  for (let symbol = 0; symbol < lengths.length; symbol++) counts[lengths[symbol]]++;
  counts[0] = 0;
  const next = new Uint16Array(MAX_BITS + 2);
  const places = new Uint16Array(MAX_BITS + 2);
  let left = 1;
  let longest = 0;
  for (let length = 1; length <= MAX_BITS; length++) {
    left = (left << 1) - counts[length];
    if (left < 0) throw damaged("more codes than bits allow", 0);
    if (counts[length] > 0) longest = length;
    next[length + 1] = (next[length] + counts[length]) << 1;
    places[length + 1] = places[length] + counts[length];
  }
  // §3.2.7 allows gaps in a code of one symbol or none; the bits that it lacks are refused when they are met.
  if (left > 0 && longest > 1) throw damaged("a code with gaps", 0);
  const code = { fast: new Uint16Array(1 << FAST_BITS), counts, symbols: new Uint16Array(lengths.length) };
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol];
    if (length === 0) continue;
    code.symbols[places[length]++] = symbol;
    let value = next[length]++;
    if (length > FAST_BITS) continue;
    // Codes come highest bit first, all else lowest first.
    let reversed = 0;
    for (let i = 0; i < length; i++, value >>= 1) reversed = (reversed << 1) | (value & 1);
    for (let i = reversed; i < 1 << FAST_BITS; i += 1 << length) code.fast[i] = (symbol << 4) | length;
  }
  return code;
}

/** @param start where the output of this stream begins: nothing before it can be referred to. */
function inflateBlock(
  bits: Bits,
  literals: Code,
  distances: Code,
  output: Uint8Array,
  start: number,
  from: number,
): number {
  const end = output.length;
  let to = from;
  for (;;) {
    const symbol = bits.symbol(literals);
    if (symbol < END_OF_BLOCK) {
      if (to === end) throw damaged(`more than the ${end} bytes expected`, bits.at);
      output[to++] = symbol;
      continue;
    }
    if (symbol === END_OF_BLOCK) return to;
    if (symbol > 285) throw damaged("a length that does not exist", bits.at);
    const length = LENGTH_BASES[symbol - 257] + bits.read(LENGTH_BITS[symbol - 257]);
    const code = bits.symbol(distances);
    if (code >= DISTANCES) throw damaged("a distance that does not exist", bits.at);
    const distance = DISTANCE_BASES[code] + bits.read(DISTANCE_BITS[code]);
    if (distance > to - start) throw damaged("a distance to before the start", bits.at);
    if (length > end - to) throw damaged(`more than the ${end} bytes expected`, bits.at);
    for (const stop = to + length; to < stop; to++) output[to] = output[to - distance];
  }
}

/** RFC 1950 §9; sums stay below 2^32 for 5552 bytes, as zlib found. */
function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (let at = 0; at < bytes.length; ) {
    const stop = Math.min(at + 3800, bytes.length);
    for (; at < stop; at++) {
      low += bytes[at];
      high += low;
    }
    low %= 65521;
    high %= 65521;
  }
  return ((high << 16) | low) >>> 0;
}

function byteAt(input: Uint8Array, at: number): number {
  if (at >= input.length) throw damaged("the data is cut off", input.length);
  return input[at];
}

/** Zlib's checksum. */
function bigEndian(input: Uint8Array, at: number): number {
  const high = (byteAt(input, at) << 8) | byteAt(input, at + 1);
  return high * 65536 + ((byteAt(input, at + 2) << 8) | byteAt(input, at + 3));
}

/** Gzip's checksum and length. */
function littleEndian(input: Uint8Array, at: number): number {
  const low = byteAt(input, at) | (byteAt(input, at + 1) << 8);
  return (byteAt(input, at + 2) | (byteAt(input, at + 3) << 8)) * 65536 + low;
}

function damaged(what: string, offset: number): MalformedError {
  return new MalformedError("deflate", "data", offset, what);
}
