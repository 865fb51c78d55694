/**
 * Writes an index: answers go in one by one, and the bytes of the file come out.
 *
 * What was said before is said once: strings, functions and nodes are looked up by what they consist of.
 */

import { stableOrder } from "../../base/stable-order.ts";
import { Float64List } from "../../dwarf/growable.ts";
import { Answers } from "../answers.ts";
import type { ModuleFrame } from "../frame.ts";
import { ByteList, type Overflow } from "./byte-list.ts";
import {
  type Checksum,
  type Extent,
  encodeHeader,
  HEADER_SIZE,
  MAX_INDEX_SIZE,
  PAGE_SIZE,
  PARTS,
  type Part,
  pageCount,
} from "./header.ts";
import { NodeTable } from "./node-table.ts";
import * as has from "./records.ts";
import { RowList } from "./row-list.ts";
import { StringTable } from "./string-table.ts";

/** Functions that are not written twice: what repeats does so nearby. */
const MAX_KNOWN = 1 << 16;
/** Pages that are written at once. */
const PAGES_AT_ONCE = 64;

const TEXT_FLAGS = [has.HAS_SYMBOL, has.HAS_SYMBOL_SOURCE, has.HAS_REASON, has.HAS_SECTION];

export class IndexWriter {
  /** Ranges in no order; none when they come in order, since they are written at once then. */
  private readonly begins = new Float64List();
  private readonly ends = new Float64List();
  private readonly chains = new Float64List();
  private readonly ordered: RowList | undefined;
  private ranges = 0;
  private readonly nodes: ByteList;
  private readonly functions: ByteList;
  private readonly strings: ByteList;
  private readonly stringTable: StringTable;
  private readonly functionOffsets = new Answers<string, number>(MAX_KNOWN);
  private readonly known = new NodeTable();

  /**
   * @param overflow for a large index: makes room outside of memory, for one part at each call. Its ranges have to come in
   *   the order of their addresses.
   */
  constructor(overflow?: () => Overflow) {
    if (overflow) this.ordered = new RowList(new ByteList(), new ByteList(overflow()));
    this.nodes = new ByteList(overflow?.());
    this.functions = new ByteList(overflow?.());
    this.strings = new ByteList(overflow?.());
    this.stringTable = new StringTable(this.strings);
  }

  /** Ranges that have an answer. */
  get count(): number {
    return this.ranges;
  }

  /** Length in bytes of what is written so far, about. */
  get size(): number {
    return this.nodes.length + this.functions.length + this.strings.length + 16 * this.count;
  }

  /**
   * Adds the answer of a range: that of `address`, in it, and of every other address in it but for the offset.
   *
   * @param begin first address, and `end`, the first behind it, as they are looked up: of a return address, one less.
   * @param address that the frames were given for.
   * @returns false when the index cannot hold it.
   */
  add(begin: number, end: number, address: number, frames: readonly ModuleFrame[]): boolean {
    if (!has.canHold(frames, address)) return false;
    this.begin();
    let node = 0;
    for (let i = frames.length - 1; i >= 0; i--) node = this.nodeOf(frames[i], address, node);
    this.addRange(begin, end, node);
    return true;
  }

  /** Takes over the parts of another index as they are. Before anything is added. */
  takeOver(part: "nodes" | "functions" | "strings", bytes: Uint8Array): void {
    this[part].append(bytes);
  }

  /** Makes a string that was taken over known. */
  knowString(text: string, offset: number): void {
    this.stringTable.know(text, offset);
  }

  addRange(begin: number, end: number, node: number): void {
    this.ranges++;
    if (this.ordered) {
      this.ordered.add(begin, end, node);
      return;
    }
    this.begins.push(begin);
    this.ends.push(end);
    this.chains.push(node);
  }

  /**
   * Writes the file. Nothing can be added after it.
   *
   * @param key SHA-256 of what identifies the files.
   * @param write is given all of it, not from front to back: the header comes last.
   * @returns false when it would become too large.
   */
  encode(key: Uint8Array, isWhole: boolean, checksum: Checksum, write: Write): boolean {
    this.begin();
    const { groups, rows } = this.ordered ?? this.sortedRows();
    this.ordered?.finish();
    const { nodes, functions, strings } = this;
    const contents: Record<Part, ByteList> = { groups, rows, nodes, functions, strings };
    const parts = {} as Record<Part, Extent>;
    let pagesEnd = HEADER_SIZE;
    for (const part of PARTS) {
      parts[part] = { offset: pagesEnd, length: contents[part].length };
      pagesEnd += contents[part].length;
    }
    const count = pageCount(pagesEnd);
    if (pagesEnd + 4 * count > MAX_INDEX_SIZE) return false;
    const checksums = new DataView(new ArrayBuffer(4 * count));
    let done = 0;
    for (const block of blocksOf(PARTS.map((part) => contents[part]))) {
      for (let at = 0; at < block.length; at += PAGE_SIZE)
        checksums.setUint32((4 * (done + at)) / PAGE_SIZE, checksum(block.subarray(at, at + PAGE_SIZE)), true);
      write(block, HEADER_SIZE + done);
      done += block.length;
    }
    const table = new Uint8Array(checksums.buffer);
    write(table, pagesEnd);
    write(encodeHeader({ isWhole, key, parts, pagesEnd, tableChecksum: checksum(table) }, checksum), 0);
    return true;
  }

  /** What stands at 0 is nothing: references to it mean none. */
  private begin(): void {
    if (this.nodes.length === 0) this.nodes.unsigned(0);
    if (this.strings.length === 0) this.strings.unsigned(0);
  }

  private sortedRows(): RowList {
    const list = new RowList(new ByteList(), new ByteList());
    const { values: begins } = this.begins;
    const { values: ends } = this.ends;
    const order = stableOrder(begins, this.begins.length, (a, b) => ends[b] - ends[a]);
    for (const i of order) list.add(begins[i], ends[i], this.chains.values[i]);
    list.finish();
    return list;
  }

  private nodeOf(frame: ModuleFrame, address: number, parent: number): number {
    const { symbol, symbolSource, inlined, moduleAddress, offset, size, aliases, section, reason } = frame;
    const function_ = this.function({
      symbol: this.string(symbol),
      symbolSource: this.string(symbolSource),
      reason: this.string(reason),
      section: this.string(inlined ? undefined : section),
      start: offset === undefined ? undefined : address - offset,
      // An inlined frame is where the one around it is.
      base: inlined || moduleAddress === undefined ? undefined : address - moduleAddress,
      size,
      aliases: aliases?.map((alias) => this.string(alias)),
    });
    const { file, line = 0, column = 0, lineSource } = frame;
    return this.node(parent, function_, this.string(file), line, column, this.string(lineSource));
  }

  /**
   * The offset of a node; it is written when it does not yet. All are offsets, but for line and column.
   *
   * @param parent 0 for none.
   */
  node(parent: number, code: number, file: number, line: number, column: number, lineSource: number): number {
    this.begin();
    const { known } = this;
    const slot = known.find(parent, code, file, line, column, lineSource);
    let offset = known.offsets[slot];
    if (offset === 0) {
      const { nodes } = this;
      offset = nodes.length;
      nodes.unsigned(parent === 0 ? 0 : offset - parent);
      nodes.unsigned(code);
      nodes.unsigned(file);
      nodes.unsigned(line);
      nodes.unsigned(column);
      nodes.unsigned(lineSource);
      known.add(slot, offset, parent, code, file, line, column, lineSource);
    }
    return offset;
  }

  /** The offset of a function; it is written when it is not yet. */
  function(written: WrittenFunction): number {
    const { symbol, symbolSource, reason, section, start, base, size, aliases } = written;
    const key = `${symbol} ${symbolSource} ${reason} ${section} ${start} ${base} ${size} ${aliases}`;
    let at = this.functionOffsets.get(key);
    if (at === undefined) {
      at = this.addFunction(written);
      this.functionOffsets.set(key, at);
    }
    return at;
  }

  /** Likewise, of one that is not written yet. */
  addFunction({ symbol, symbolSource, reason, section, start, base, size, aliases }: WrittenFunction): number {
    const texts = [symbol, symbolSource, reason, section];
    const at = this.functions.length;
    let flags = 0;
    for (const [i, text] of texts.entries()) if (text !== 0) flags |= TEXT_FLAGS[i];
    if (start !== undefined) flags |= has.HAS_START;
    if (base !== undefined) flags |= has.HAS_BASE;
    if (size !== undefined) flags |= has.HAS_SIZE;
    if (aliases !== undefined) flags |= has.HAS_ALIASES;
    this.functions.unsigned(flags);
    for (const text of texts) if (text !== 0) this.functions.unsigned(text);
    if (start !== undefined) this.functions.float64(start);
    if (base !== undefined) this.functions.float64(base);
    if (size !== undefined) this.functions.unsigned(size);
    if (aliases !== undefined) {
      this.functions.unsigned(aliases.length);
      for (const name of aliases) this.functions.unsigned(name);
    }
    return at;
  }

  /** The offset of a string; it is written when it is not yet. 0 for undefined. */
  string(text: string | undefined): number {
    this.begin();
    return this.stringTable.offsetOf(text);
  }

  /** Likewise, of one that is UTF-8 already and not too long. */
  utf8(bytes: Uint8Array): number {
    this.begin();
    return this.stringTable.offsetOfBytes(bytes);
  }
}

/** A function, its texts by their offsets; 0 for none. */
export type WrittenFunction = {
  symbol: number;
  symbolSource: number;
  reason: number;
  section: number;
  start: number | undefined;
  base: number | undefined;
  size: number | undefined;
  aliases: readonly number[] | undefined;
};

/** @param offset in the file. */
export type Write = (bytes: Uint8Array, offset: number) => void;

/** The contents one after another, cut into whole pages; each valid until the next. */
function* blocksOf(lists: readonly ByteList[]): Generator<Uint8Array> {
  const block = new Uint8Array(PAGES_AT_ONCE * PAGE_SIZE);
  let length = 0;
  for (const list of lists) {
    for (const piece of list.pieces()) {
      for (let at = 0; at < piece.length; ) {
        const part = piece.subarray(at, at + block.length - length);
        block.set(part, length);
        length += part.length;
        at += part.length;
        if (length < block.length) continue;
        yield block;
        length = 0;
      }
    }
  }
  if (length > 0) yield block.subarray(0, length);
}
