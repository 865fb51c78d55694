/**
 * Looks addresses up in an index: a binary search for the row, then the chain of nodes that it leads to.
 *
 * Nothing of it is believed: each byte comes from a verified page, each reference is bounded, and a chain only goes
 * backwards. Whatever is wrong throws, and the caller does without the index.
 */

import type { ByteOutput } from "../../base/byte-output.ts";
import { type ByteSource, decodeText } from "../../base/bytes.ts";
import type { ModuleFrame } from "../frame.ts";
import type { ChainFunction, FrameChain } from "../frame-chain.ts";
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
  /** Where the text of the string begins that was located last. */
  private stringStart = 0;
  /** Of that group: addresses from its base, and nodes, by turns; u32 each. */
  private rows: DataView = new DataView(new ArrayBuffer(0));
  private readonly numbers: Numbers;
  private readonly columns = new IndexChain(this);
  /** Of the function that was read last: its flags, and its texts by offset. */
  private readonly head = { flags: 0, symbol: 0, symbolSource: 0, reason: 0, section: 0 };
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
      for (let at = 0; at < this.rows.byteLength; at += ROW_SIZE) {
        const address = this.bases[group] + this.rows.getUint32(at, true);
        if (node !== 0) writer.addRange(begin, address, node);
        begin = address;
        node = this.rows.getUint32(at + 4, true);
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
    this.rows = new DataView(bytes.buffer, bytes.byteOffset + at, available);
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
    high = rows.byteLength / ROW_SIZE;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (rows.getUint32(ROW_SIZE * middle, true) > delta) high = middle;
      else low = middle + 1;
    }
    return low === 0 ? 0 : rows.getUint32(ROW_SIZE * low - 4, true);
  }

  /**
   * @param first what `locate` gave.
   * @param address as in `find`.
   * @throws MalformedError likewise.
   */
  frames(first: number, address: number): ModuleFrame[] {
    const chain = this.chain(first);
    const last = chain.depth - 1;
    const codes: has.FunctionRecord[] = [];
    for (let i = 0; i <= last; i++) codes.push(this.function(chain.codes[i]));
    const frames: ModuleFrame[] = new Array(last + 1);
    const { base, section } = codes[last];
    const moduleAddress = base === undefined ? undefined : address - base;
    for (let i = 0; i < last; i++) {
      const frame: Partial<ModuleFrame> = {};
      const { symbol, symbolSource } = codes[i];
      if (symbol !== undefined) frame.symbol = symbol;
      if (symbolSource !== undefined) frame.symbolSource = symbolSource;
      frames[i] = Object.assign(frame, this.placeOf(i, true, moduleAddress, section));
    }
    frames[last] = lastFrame(codes[last], this.placeOf(last, false, moduleAddress, section), address);
    return frames;
  }

  /**
   * The frames as they lie in the index. Valid until the next.
   *
   * @param first what `locate` gave.
   * @throws MalformedError
   */
  chain(first: number): IndexChain {
    const part = this.header.parts.nodes;
    const { numbers, columns } = this;
    let depth = 0;
    for (let node = first; ; depth++) {
      if (depth === has.MAX_CHAIN) throw this.pages.damaged(part.offset + node, "endless chain");
      numbers.start(part, node, MAX_NODE);
      const distance = numbers.unsigned();
      columns.codes[depth] = numbers.unsigned();
      columns.files[depth] = numbers.unsigned();
      columns.lines[depth] = numbers.unsigned();
      columns.columns[depth] = numbers.unsigned();
      columns.lineSources[depth] = numbers.unsigned();
      if (distance === 0) break;
      if (distance >= node) throw this.pages.damaged(part.offset + node, "a frame around nothing");
      node -= distance;
    }
    columns.depth = depth + 1;
    return columns;
  }

  /** In the order of fields that Module.find gives, so that JSON is the same to the byte. */
  private placeOf(
    i: number,
    inlined: boolean,
    moduleAddress: number | undefined,
    section: string | undefined,
  ): ModuleFrame {
    const { files, lines, columns, lineSources } = this.columns;
    const frame: ModuleFrame = { inlined };
    const file = this.string(files[i]);
    const lineSource = this.string(lineSources[i]);
    if (file !== undefined) frame.file = file;
    if (lines[i] > 0) frame.line = lines[i];
    if (columns[i] > 0) frame.column = columns[i];
    if (lineSource !== undefined) frame.lineSource = lineSource;
    if (moduleAddress !== undefined) frame.moduleAddress = moduleAddress;
    if (section !== undefined) frame.section = section;
    return frame;
  }

  /** Writes the name of a function; false when it has none. @throws MalformedError */
  writeSymbol(code: number, out: ByteOutput): boolean {
    const { numbers } = this;
    numbers.start(this.header.parts.functions, code, 2 * 8);
    return (numbers.unsigned() & has.HAS_SYMBOL) !== 0 && this.writeString(numbers.unsigned(), out);
  }

  /** Writes a string as it is; false for that at 0, which is none. @throws MalformedError */
  writeString(offset: number, out: ByteOutput): boolean {
    if (offset === 0) return false;
    const length = this.locateString(offset);
    out.copy(this.pages.bytes, this.pages.at, length);
    return true;
  }

  /** All pages into memory, when they are few for so many addresses: see Pages.load. @throws MalformedError */
  load(addresses: number): boolean {
    return this.pages.load(addresses);
  }

  /** As FrameChain.function. Not a record that is kept: a batch has a hundred thousand. */
  chainFunction(offset: number): ChainFunction {
    this.startFunction(offset);
    const { head, numbers } = this;
    return {
      isNamed: head.symbol !== 0,
      start: head.flags & has.HAS_START ? numbers.float64() : undefined,
      // In a section, it does not say where in the module.
      base: head.flags & has.HAS_BASE && head.section === 0 ? numbers.float64() : undefined,
      reason: this.string(head.reason),
    };
  }

  private function(offset: number): has.FunctionRecord {
    const known = this.functions.get(offset);
    if (known) return known;
    this.startFunction(offset);
    const { head, numbers } = this;
    const { flags } = head;
    const start = flags & has.HAS_START ? numbers.float64() : undefined;
    const base = flags & has.HAS_BASE ? numbers.float64() : undefined;
    const size = flags & has.HAS_SIZE ? numbers.unsigned() : undefined;
    const count = flags & has.HAS_ALIASES ? numbers.unsigned() : 0;
    const aliases = count > 0 ? this.aliases(offset + numbers.read, count) : [];
    const record: has.FunctionRecord = {
      symbol: this.string(head.symbol),
      symbolSource: this.string(head.symbolSource),
      reason: this.string(head.reason),
      section: this.string(head.section),
      start,
      base,
      size,
      aliases: flags & has.HAS_ALIASES ? aliases : undefined,
    };
    if (this.functions.size >= MAX_KEPT) this.functions.clear();
    this.functions.set(offset, record);
    return record;
  }

  /** Reads what every function may have, into `head`; `numbers` stands behind it. */
  private startFunction(offset: number): void {
    const { head, numbers } = this;
    numbers.start(this.header.parts.functions, offset, MAX_FUNCTION);
    head.flags = numbers.unsigned();
    head.symbol = head.flags & has.HAS_SYMBOL ? numbers.unsigned() : 0;
    head.symbolSource = head.flags & has.HAS_SYMBOL_SOURCE ? numbers.unsigned() : 0;
    head.reason = head.flags & has.HAS_REASON ? numbers.unsigned() : 0;
    head.section = head.flags & has.HAS_SECTION ? numbers.unsigned() : 0;
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
    const length = this.locateString(offset);
    const { bytes, at } = this.pages;
    return { text: decodeText(bytes.subarray(at, at + length)), end: this.stringStart + length };
  }

  /** @returns the length in bytes of a string, which begins at `pages.at` of `pages.bytes`. */
  private locateString(offset: number): number {
    const part = this.header.parts.strings;
    const { numbers } = this;
    numbers.start(part, offset, 8);
    const length = numbers.unsigned();
    this.stringStart = offset + numbers.read;
    if (length === 0) return 0;
    if (length > has.MAX_STRING || this.pages.locate(part, this.stringStart, length) < length)
      throw this.pages.damaged(part.offset + offset, "string too long");
    return length;
  }
}

/** Frames of one address, innermost first, as columns: reused from address to address. Texts and functions by offset. */
class IndexChain implements FrameChain {
  depth = 0;
  readonly codes: number[] = [];
  readonly files: number[] = [];
  readonly lines: number[] = [];
  readonly columns: number[] = [];
  readonly lineSources: number[] = [];
  private readonly reader: IndexReader;

  constructor(reader: IndexReader) {
    this.reader = reader;
  }

  writeSymbol(i: number, out: ByteOutput): boolean {
    return this.reader.writeSymbol(this.codes[i], out);
  }

  writeFile(i: number, out: ByteOutput): boolean {
    return this.reader.writeString(this.files[i], out);
  }

  hasFile(i: number): boolean {
    return this.files[i] !== 0;
  }

  function(): ChainFunction {
    return this.reader.chainFunction(this.codes[this.depth - 1]);
  }
}

function lastFrame(
  { symbol, start, size, aliases, symbolSource, reason }: has.FunctionRecord,
  frame: ModuleFrame,
  address: number,
): ModuleFrame {
  if (symbol !== undefined) frame.symbol = symbol;
  if (start !== undefined) frame.offset = address - start;
  if (size !== undefined) frame.size = size;
  if (aliases !== undefined) frame.aliases = [...aliases];
  if (symbolSource !== undefined) frame.symbolSource = symbolSource;
  if (reason !== undefined) frame.reason = reason;
  return frame;
}
