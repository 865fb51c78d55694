/**
 * A perf map: the names of code that a process generated at run time (tools/perf/Documentation/jit-interface.txt in the
 * Linux sources). Node writes one with --perf-basic-prof, a JVM with an agent, and others likewise.
 *
 * A line is `START SIZE name`, both numbers hexadecimal, and the name runs to the end of the line. The process appends a
 * line whenever it generates code, so the file grows for as long as it lives, and memory that is used again stands in
 * several lines: the last one holds. Only numbers are kept in memory; a name is read when it is asked for.
 */

import { type ByteSource, decodeText } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { type LatestRanges, latestRanges } from "./latest-ranges.ts";

/** Largest file read: a server that optimizes for weeks writes some hundred megabytes. */
export const MAX_PERF_MAP = 512 << 20;
/** Most lines; 40 bytes of memory each. */
const MAX_LINES = 4_000_000;
/** Longer names are cut, bytes. */
const MAX_NAME = 4096;
/** Read at once; a longer line is no entry. */
const CHUNK = 1 << 20;

const NEWLINE = 0x0a;
const BLANK = 0x20;

/** A piece of generated code. */
export type PerfMapEntry = {
  /** First absolute address. */
  readonly start: number;
  /** Bytes; at least 1. */
  readonly size: number;
  readonly name: string;
};

export class PerfMap {
  /** For messages: the file's path. */
  readonly name: string;
  /** How many lines are no entries; they were passed over. */
  readonly damagedLines: number;
  private readonly source: ByteSource;
  private readonly lines: Lines;
  private readonly ranges: LatestRanges;

  /**
   * Reads a perf map. A line without its newline is still being written, and left out.
   *
   * @param source kept, to read names from.
   * @throws LeaklineError `limit` when it is too large, `io`.
   */
  constructor(source: ByteSource) {
    this.source = source;
    this.name = source.name;
    this.lines = readLines(source);
    this.damagedLines = this.lines.damaged;
    this.ranges = latestRanges(this.lines.starts, this.lines.ends);
  }

  /**
   * The code at an absolute address; undefined when no line has it.
   *
   * @throws LeaklineError `io` or `malformed` when the file has become shorter since.
   */
  find(address: number): PerfMapEntry | undefined {
    const { begins, owners } = this.ranges;
    let low = 0;
    let high = begins.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (begins[middle] <= address) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const line = owners[low - 1];
    const { starts, ends, nameOffsets } = this.lines;
    if (address >= ends[line]) return undefined;
    return { start: starts[line], size: ends[line] - starts[line], name: this.readName(nameOffsets[line]) };
  }

  private readName(offset: number): string {
    const bytes = this.source.read(offset, Math.min(MAX_NAME, this.source.size - offset));
    const end = bytes.indexOf(NEWLINE);
    return decodeText(end < 0 ? bytes : bytes.subarray(0, end)).trimEnd();
  }
}

/** Columns, one row an entry, in the order of the file. */
type Lines = {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  /** Where the name begins in the file. */
  readonly nameOffsets: Float64Array;
  readonly damaged: number;
};

function readLines(source: ByteSource): Lines {
  if (source.size > MAX_PERF_MAP)
    throw new LeaklineError("limit", `${source.name}: larger than ${MAX_PERF_MAP} bytes, the most that is read`);
  const reader = new LineReader();
  for (let at = 0; at < source.size; ) {
    const bytes = source.read(at, Math.min(CHUNK, source.size - at));
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) reader.readAll(bytes.subarray(0, end), at);
    else if (bytes.length === CHUNK) reader.damaged++;
    else break;
    if (reader.count > MAX_LINES)
      throw new LeaklineError("limit", `${source.name}: more than ${MAX_LINES} lines, the most that are read`);
    at += end || bytes.length;
  }
  return reader.lines();
}

class LineReader {
  count = 0;
  damaged = 0;
  private starts = new Float64Array(1024);
  private ends = new Float64Array(1024);
  private nameOffsets = new Float64Array(1024);

  /** Reads whole lines that begin at file offset `base`. */
  readAll(bytes: Uint8Array, base: number): void {
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(NEWLINE, at);
      this.readLine(bytes, at, end, base);
      at = end + 1;
    }
  }

  lines(): Lines {
    const { count, damaged } = this;
    return {
      starts: this.starts.slice(0, count),
      ends: this.ends.slice(0, count),
      nameOffsets: this.nameOffsets.slice(0, count),
      damaged,
    };
  }

  private readLine(bytes: Uint8Array, from: number, to: number, base: number): void {
    const startEnd = digitsEnd(bytes, from, to);
    const sizeEnd = digitsEnd(bytes, startEnd + 1, to);
    const start = hexValue(bytes, from, startEnd);
    const size = hexValue(bytes, startEnd + 1, sizeEnd);
    const end = start + size;
    // A comparison with NaN is false: what is not a number is no entry.
    if (!(size > 0 && end <= Number.MAX_SAFE_INTEGER) || sizeEnd + 1 >= to) {
      if (to > from) this.damaged++;
      return;
    }
    if (this.count === this.starts.length) this.grow();
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.nameOffsets[this.count++] = base + sizeEnd + 1;
  }

  private grow(): void {
    this.starts = doubled(this.starts);
    this.ends = doubled(this.ends);
    this.nameOffsets = doubled(this.nameOffsets);
  }
}

function doubled(column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(column.length * 2);
  larger.set(column);
  return larger;
}

/** Where the blank behind a number is; `to` when there is none. */
function digitsEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] !== BLANK) at++;
  return at;
}

/** A hexadecimal number, with or without `0x`; NaN when it is none. */
function hexValue(bytes: Uint8Array, from: number, to: number): number {
  const first = bytes[from] === 0x30 && (bytes[from + 1] | 0x20) === 0x78 ? from + 2 : from;
  if (first >= to || to - first > 16) return Number.NaN;
  let value = 0;
  for (let at = first; at < to; at++) {
    const digit = hexDigit(bytes[at]);
    if (digit < 0) return Number.NaN;
    value = value * 16 + digit;
  }
  return value;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
