/**
 * Looks addresses up in an index: a binary search for the row, then the chain of nodes that it leads to.
 *
 * Nothing of it is believed: each byte comes from a verified page, each reference is bounded, and a chain only goes
 * backwards. Whatever is wrong throws, and the caller does without the index.
 */

import { type ByteSource, decodeText } from "../../base/bytes.ts";
import type { ModuleFrame } from "../frame.ts";
import { type Checksum, decodeHeader, GROUP_ROWS, GROUP_SIZE, type Header, ROW_SIZE } from "./header.ts";
import type { IndexWriter } from "./index-writer.ts";
import { Numbers } from "./numbers.ts";
import { Pages } from "./pages.ts";
import * as has from "./records.ts";

/** Longest node, and longest function but for its aliases: that many numbers of up to eight bytes. */
const MAX_NODE = 6 * 8;
const MAX_FUNCTION = 11 * 8;
/** Strings and functions kept, each. */
const MAX_KEPT = 1 << 16;

export class IndexReader {
  private readonly header: Header;
  private readonly pages: Pages;
  /** By group: the address of its first row, and the number of that row. */
  private readonly bases: Float64Array;
  private readonly firsts: Float64Array;
  private group = -1;
  /** Of that group: addresses from its base, and nodes, by turns. */
  private rows = new Uint32Array(0);
  private readonly numbers: Numbers;
  private readonly chain = new Chain();
  private readonly strings = new Map<number, string>();
  private readonly functions = new Map<number, has.FunctionRecord>();

  /**
   * @param key SHA-256 of what identifies the files.
   * @throws MalformedError when this is no index of them, or a damaged one.
   */
  constructor(source: ByteSource, key: Uint8Array, checksum: Checksum) {
    this.header = decodeHeader(source, key, checksum);
    this.pages = new Pages(source, this.header, checksum);
    this.numbers = new Numbers(this.pages);
    const { groups, rows } = this.header.parts;
    const count = Math.floor(groups.length / GROUP_SIZE);
    if (count * GROUP_SIZE !== groups.length || rows.length % ROW_SIZE !== 0)
      throw this.pages.damaged(groups.offset, "half a row");
    this.bases = new Float64Array(count);
    this.firsts = new Float64Array(count + 1);
    if (count > 0) this.readGroups(count);
  }

  /** Whether every address has an answer, or never will. */
  get isWhole(): boolean {
    return this.header.isWhole;
  }

  /** Ranges of addresses in it. */
  get rowCount(): number {
    return this.header.parts.rows.length / ROW_SIZE;
  }

  /**
   * The frames at an address, as Module.find gives them; undefined when they are not in the index.
   *
   * @param wanted the address to look up: of a return address, one less.
   * @param address what offsets count to.
   * @throws MalformedError when the index turns out to be damaged.
   */
  find(wanted: number, address: number): ModuleFrame[] | undefined {
    const node = this.locate(wanted);
    return node === 0 ? undefined : this.frames(node, address);
  }

  /** Copies all of it into a writer to which nothing was added. */
  copyInto(writer: IndexWriter): void {
    for (const part of ["nodes", "functions", "strings"] as const) {
      const extent = this.header.parts[part];
      if (extent.length === 0) continue;
      this.pages.locate(extent, 0, extent.length);
      writer.takeOver(part, this.pages.bytes.subarray(this.pages.at, this.pages.at + extent.length));
    }
    for (let offset = 1; offset < this.header.parts.strings.length; ) {
      const { text, end } = this.readString(offset);
      writer.knowString(text, offset);
      offset = end;
    }
    let begin = 0;
    let node = 0;
    for (let group = 0; group < this.bases.length; group++) {
      this.loadGroup(group);
      for (let i = 0; i < this.rows.length; i += 2) {
        const address = this.bases[group] + this.rows[i];
        if (node !== 0) writer.addRange(begin, address, node);
        begin = address;
        node = this.rows[i + 1];
      }
    }
  }

  private readGroups(count: number): void {
    const { groups, rows } = this.header.parts;
    this.pages.locate(groups, 0, groups.length);
    const { bytes, at } = this.pages;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, groups.length);
    for (let i = 0; i < count; i++) {
      this.bases[i] = view.getFloat64(GROUP_SIZE * i, true);
      this.firsts[i] = view.getFloat64(GROUP_SIZE * i + 8, true);
    }
    this.firsts[count] = rows.length;
    for (let i = 0; i < count; i++) {
      const length = this.firsts[i + 1] - this.firsts[i];
      const isSound = this.firsts[i] >= 0 && length % ROW_SIZE === 0 && length > 0 && length <= GROUP_ROWS * ROW_SIZE;
      if (!isSound) throw this.pages.damaged(groups.offset + GROUP_SIZE * i, "rows in disorder");
    }
  }

  private loadGroup(group: number): void {
    const length = this.firsts[group + 1] - this.firsts[group];
    const available = this.pages.locate(this.header.parts.rows, this.firsts[group], length);
    const { bytes, at } = this.pages;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, available);
    const rows = new Uint32Array(available / 4);
    for (let i = 0; i < rows.length; i++) rows[i] = view.getUint32(4 * i, true);
    this.rows = rows;
    this.group = group;
  }

  /**
   * The node of the frames at an address; 0 when they are not in the index.
   *
   * @param wanted as in `find`.
   * @throws MalformedError likewise.
   */
  locate(wanted: number): number {
    let low = 0;
    let high = this.bases.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.bases[middle] > wanted) high = middle;
      else low = middle + 1;
    }
    if (low === 0) return 0;
    if (low - 1 !== this.group) this.loadGroup(low - 1);
    const delta = wanted - this.bases[low - 1];
    const { rows } = this;
    low = 0;
    high = rows.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (rows[2 * middle] > delta) high = middle;
      else low = middle + 1;
    }
    return low === 0 ? 0 : rows[2 * low - 1];
  }

  /**
   * @param first what `locate` gave.
   * @param address as in `find`.
   * @throws MalformedError likewise.
   */
  frames(first: number, address: number): ModuleFrame[] {
    const part = this.header.parts.nodes;
    const { numbers, chain } = this;
    let depth = 0;
    for (let node = first; ; depth++) {
      if (depth === has.MAX_CHAIN) throw this.pages.damaged(part.offset + node, "endless chain");
      numbers.start(part, node, MAX_NODE);
      const distance = numbers.unsigned();
      const code = numbers.unsigned();
      const file = numbers.unsigned();
      chain.lines[depth] = numbers.unsigned();
      chain.columns[depth] = numbers.unsigned();
      const lineSource = numbers.unsigned();
      chain.codes[depth] = this.function(code);
      chain.files[depth] = this.string(file);
      chain.lineSources[depth] = this.string(lineSource);
      if (distance === 0) break;
      if (distance >= node) throw this.pages.damaged(part.offset + node, "a frame around nothing");
      node -= distance;
    }
    const frames: ModuleFrame[] = new Array(depth + 1);
    const { base, section } = chain.codes[depth];
    const moduleAddress = base === undefined ? undefined : address - base;
    for (let i = 0; i < depth; i++) frames[i] = inlinedFrame(chain, i, moduleAddress, section);
    frames[depth] = lastFrame(chain, depth, address, moduleAddress, section);
    return frames;
  }

  private function(offset: number): has.FunctionRecord {
    const known = this.functions.get(offset);
    if (known) return known;
    const part = this.header.parts.functions;
    const { numbers } = this;
    numbers.start(part, offset, MAX_FUNCTION);
    const flags = numbers.unsigned();
    const text = (flag: number): number => (flags & flag ? numbers.unsigned() : 0);
    const [symbol, symbolSource, reason, section] = [
      text(has.HAS_SYMBOL),
      text(has.HAS_SYMBOL_SOURCE),
      text(has.HAS_REASON),
      text(has.HAS_SECTION),
    ];
    const start = flags & has.HAS_START ? numbers.float64() : undefined;
    const base = flags & has.HAS_BASE ? numbers.float64() : undefined;
    const size = flags & has.HAS_SIZE ? numbers.unsigned() : undefined;
    const count = flags & has.HAS_ALIASES ? numbers.unsigned() : 0;
    const aliases = count > 0 ? this.aliases(offset + numbers.read, count) : [];
    const record: has.FunctionRecord = {
      symbol: this.string(symbol),
      symbolSource: this.string(symbolSource),
      reason: this.string(reason),
      section: this.string(section),
      start,
      base,
      size,
      aliases: flags & has.HAS_ALIASES ? aliases : undefined,
    };
    if (this.functions.size >= MAX_KEPT) this.functions.clear();
    this.functions.set(offset, record);
    return record;
  }

  private aliases(offset: number, count: number): string[] {
    const part = this.header.parts.functions;
    if (count > has.MAX_ALIASES) throw this.pages.damaged(part.offset + offset, "too many aliases");
    const { numbers } = this;
    numbers.start(part, offset, 8 * count);
    return Array.from({ length: count }, () => numbers.unsigned()).map((alias) => this.string(alias) ?? "");
  }

  private string(offset: number): string | undefined {
    if (offset === 0) return undefined;
    let text = this.strings.get(offset);
    if (text === undefined) {
      text = this.readString(offset).text;
      if (this.strings.size >= MAX_KEPT) this.strings.clear();
      this.strings.set(offset, text);
    }
    return text;
  }

  private readString(offset: number): { text: string; end: number } {
    const part = this.header.parts.strings;
    const { numbers } = this;
    numbers.start(part, offset, 8);
    const length = numbers.unsigned();
    const start = offset + numbers.read;
    if (length === 0) return { text: "", end: start };
    if (length > has.MAX_STRING || this.pages.locate(part, start, length) < length)
      throw this.pages.damaged(part.offset + offset, "string too long");
    const { bytes, at } = this.pages;
    return { text: decodeText(bytes.subarray(at, at + length)), end: start + length };
  }
}

/** Frames of one address, innermost first, as columns: reused from address to address. */
class Chain {
  readonly codes: has.FunctionRecord[] = [];
  readonly files: (string | undefined)[] = [];
  readonly lines: number[] = [];
  readonly columns: number[] = [];
  readonly lineSources: (string | undefined)[] = [];
}

/** In the order of fields that Module.find gives, so that JSON is the same to the byte. */
function inlinedFrame(chain: Chain, i: number, moduleAddress: number | undefined, section?: string): ModuleFrame {
  const { symbol, symbolSource } = chain.codes[i];
  const [file, line, column, lineSource] = [chain.files[i], chain.lines[i], chain.columns[i], chain.lineSources[i]];
  // Nearly all have all of these. At once, V8 makes one object of the right size, not one that grows.
  const isPlain = symbol && symbolSource && file && line && column && lineSource && section === undefined;
  if (isPlain && moduleAddress !== undefined)
    return { symbol, symbolSource, inlined: true, file, line, column, lineSource, moduleAddress };
  const frame: Partial<ModuleFrame> = {};
  if (symbol !== undefined) frame.symbol = symbol;
  if (symbolSource !== undefined) frame.symbolSource = symbolSource;
  return Object.assign(frame, placeOf(chain, i, true, moduleAddress, section));
}

function lastFrame(
  chain: Chain,
  i: number,
  address: number,
  moduleAddress: number | undefined,
  section: string | undefined,
): ModuleFrame {
  const { symbol, start, size, aliases, symbolSource, reason } = chain.codes[i];
  const frame = placeOf(chain, i, false, moduleAddress, section);
  if (symbol !== undefined) frame.symbol = symbol;
  if (start !== undefined) frame.offset = address - start;
  if (size !== undefined) frame.size = size;
  if (aliases !== undefined) frame.aliases = [...aliases];
  if (symbolSource !== undefined) frame.symbolSource = symbolSource;
  if (reason !== undefined) frame.reason = reason;
  return frame;
}

function placeOf(
  chain: Chain,
  i: number,
  inlined: boolean,
  moduleAddress: number | undefined,
  section: string | undefined,
): ModuleFrame {
  const frame: ModuleFrame = { inlined };
  const [file, lineSource] = [chain.files[i], chain.lineSources[i]];
  if (file !== undefined) frame.file = file;
  if (chain.lines[i] > 0) frame.line = chain.lines[i];
  if (chain.columns[i] > 0) frame.column = chain.columns[i];
  if (lineSource !== undefined) frame.lineSource = lineSource;
  if (moduleAddress !== undefined) frame.moduleAddress = moduleAddress;
  if (section !== undefined) frame.section = section;
  return frame;
}
