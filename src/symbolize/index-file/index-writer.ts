/**
 * Writes an index: answers go in one by one, in any order, and the bytes of the file come out.
 *
 * What was said before is said once: strings, functions and nodes are looked up by what they consist of.
 */

import { Float64List } from "../../dwarf/growable.ts";
import { sortedOrder } from "../../dwarf/range-table.ts";
import { Answers } from "../answers.ts";
import type { ModuleFrame } from "../frame.ts";
import { ByteList } from "./byte-list.ts";
import {
  type Checksum,
  type Extent,
  encodeHeader,
  GROUP_ROWS,
  HEADER_SIZE,
  MAX_INDEX_SIZE,
  PAGE_SIZE,
  PARTS,
  type Part,
  pageCount,
} from "./header.ts";
import * as has from "./records.ts";

/** Nodes and functions that are not written twice, each: what repeats does so nearby. */
const MAX_KNOWN = 1 << 18;

const TEXT_FLAGS = [has.HAS_SYMBOL, has.HAS_SYMBOL_SOURCE, has.HAS_REASON, has.HAS_SECTION];

export class IndexWriter {
  private readonly begins = new Float64List();
  private readonly ends = new Float64List();
  private readonly chains = new Float64List();
  private readonly nodes = new ByteList();
  private readonly functions = new ByteList();
  private readonly strings = new ByteList();
  private readonly stringOffsets = new Map<string, number>();
  private readonly functionOffsets = new Answers<string, number>(MAX_KNOWN);
  private readonly nodeOffsets = new Answers<string, number>(MAX_KNOWN);
  private readonly encoder = new TextEncoder();

  constructor() {
    this.nodes.unsigned(0);
    this.strings.unsigned(0);
  }

  /** Ranges that have an answer. */
  get count(): number {
    return this.begins.length;
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
    let node = 0;
    for (let i = frames.length - 1; i >= 0; i--) node = this.node(frames[i], address, node);
    this.addRange(begin, end, node);
    return true;
  }

  /** Takes over the parts of another index as they are. Before anything is added. */
  takeOver(part: "nodes" | "functions" | "strings", bytes: Uint8Array): void {
    this[part].length = 0;
    this[part].append(bytes);
  }

  /** Makes a string that was taken over known. */
  knowString(text: string, offset: number): void {
    this.stringOffsets.set(text, offset);
  }

  addRange(begin: number, end: number, node: number): void {
    const last = this.count - 1;
    if (last >= 0 && this.chains.values[last] === node && this.ends.values[last] === begin) {
      this.ends.values[last] = end;
      return;
    }
    this.begins.push(begin);
    this.ends.push(end);
    this.chains.push(node);
  }

  /**
   * The file.
   *
   * @param key SHA-256 of what identifies the files.
   * @returns undefined when it would become too large.
   */
  encode(key: Uint8Array, isWhole: boolean, checksum: Checksum): Uint8Array | undefined {
    const { groups, rows } = this.encodeRows();
    const contents: Record<Part, Uint8Array> = {
      groups: groups.written,
      rows: rows.written,
      nodes: this.nodes.written,
      functions: this.functions.written,
      strings: this.strings.written,
    };
    const parts = {} as Record<Part, Extent>;
    let pagesEnd = HEADER_SIZE;
    for (const part of PARTS) {
      parts[part] = { offset: pagesEnd, length: contents[part].length };
      pagesEnd += contents[part].length;
    }
    const size = pagesEnd + 4 * pageCount(pagesEnd);
    if (size > MAX_INDEX_SIZE) return undefined;
    const file = new Uint8Array(size);
    for (const part of PARTS) file.set(contents[part], parts[part].offset);
    const table = new DataView(file.buffer, pagesEnd);
    for (let i = 0; i < pageCount(pagesEnd); i++) {
      const at = HEADER_SIZE + i * PAGE_SIZE;
      table.setUint32(4 * i, checksum(file.subarray(at, Math.min(at + PAGE_SIZE, pagesEnd))), true);
    }
    const tableChecksum = checksum(file.subarray(pagesEnd));
    file.set(encodeHeader({ isWhole, key, parts, pagesEnd, tableChecksum }, checksum));
    return file;
  }

  /** Where the answer changes: each row holds up to the next. */
  private encodeRows(): { groups: ByteList; rows: ByteList } {
    const groups = new ByteList();
    const rows = new ByteList();
    let base = 0;
    let rowsInGroup = 0;
    let lastNode = 0;
    const change = (address: number, node: number): void => {
      if (node === lastNode) return;
      if (rowsInGroup === GROUP_ROWS || rows.length === 0 || address - base > 0xffffffff) {
        base = address;
        rowsInGroup = 0;
        groups.float64(base);
        groups.float64(rows.length);
      }
      rows.uint32(address - base);
      rows.uint32(node);
      rowsInGroup++;
      lastNode = node;
    };
    const { values: begins } = this.begins;
    const { values: ends } = this.ends;
    let covered = Number.NEGATIVE_INFINITY;
    for (const i of sortedOrder(begins, ends, this.count)) {
      // Of overlapping ranges, the one that was added first: they say the same.
      if (ends[i] <= covered) continue;
      if (begins[i] > covered) change(covered, 0);
      change(Math.max(begins[i], covered), this.chains.values[i]);
      covered = ends[i];
    }
    change(covered, 0);
    return { groups, rows };
  }

  private node(frame: ModuleFrame, address: number, parent: number): number {
    const function_ = this.function(frame, address);
    const file = this.string(frame.file);
    const lineSource = this.string(frame.lineSource);
    const { line = 0, column = 0 } = frame;
    const key = `${parent} ${function_} ${file} ${line} ${column} ${lineSource}`;
    let offset = this.nodeOffsets.get(key);
    if (offset === undefined) {
      offset = this.nodes.length;
      this.nodes.unsigned(parent === 0 ? 0 : offset - parent);
      for (const value of [function_, file, line, column, lineSource]) this.nodes.unsigned(value);
      this.nodeOffsets.set(key, offset);
    }
    return offset;
  }

  private function(frame: ModuleFrame, address: number): number {
    const { symbol, symbolSource, inlined, moduleAddress, offset, size, aliases, section, reason } = frame;
    // An inlined frame is where the one around it is.
    const base = inlined || moduleAddress === undefined ? undefined : address - moduleAddress;
    const start = offset === undefined ? undefined : address - offset;
    const place = inlined ? undefined : section;
    const texts = [symbol, symbolSource, reason, place].map((text) => this.string(text));
    const names = aliases?.map((alias) => this.string(alias));
    const key = `${texts} ${start} ${base} ${size} ${names}`;
    let at = this.functionOffsets.get(key);
    if (at !== undefined) return at;
    at = this.functions.length;
    this.functionOffsets.set(key, at);
    let flags = 0;
    for (const [i, text] of texts.entries()) if (text !== 0) flags |= TEXT_FLAGS[i];
    if (start !== undefined) flags |= has.HAS_START;
    if (base !== undefined) flags |= has.HAS_BASE;
    if (size !== undefined) flags |= has.HAS_SIZE;
    if (names !== undefined) flags |= has.HAS_ALIASES;
    this.functions.unsigned(flags);
    for (const text of texts) if (text !== 0) this.functions.unsigned(text);
    if (start !== undefined) this.functions.float64(start);
    if (base !== undefined) this.functions.float64(base);
    if (size !== undefined) this.functions.unsigned(size);
    if (names !== undefined) {
      this.functions.unsigned(names.length);
      for (const name of names) this.functions.unsigned(name);
    }
    return at;
  }

  private string(text: string | undefined): number {
    if (text === undefined) return 0;
    let offset = this.stringOffsets.get(text);
    if (offset === undefined) {
      offset = this.strings.length;
      const bytes = this.encoder.encode(text);
      this.strings.unsigned(bytes.length);
      this.strings.append(bytes);
      this.stringOffsets.set(text, offset);
    }
    return offset;
  }
}
