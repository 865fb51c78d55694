/**
 * The answers to a batch of addresses, as columns.
 *
 * Addresses of one function share its names, and those below one inlined call share the whole chain of calls around it.
 * So a call is a row of its own, with the row of the call around it; an address is four integers: the innermost call,
 * file, line and column. Frames are put together one address at a time, when somebody asks.
 */

import { virtualAddress } from "../../base/address.ts";
import type { AddressRange, Found, SourceFunction } from "../frames.ts";
import { Float64List, Int32List } from "../growable.ts";
import { MAX_ANSWER_BYTES } from "../limits.ts";
import { Texts } from "./texts.ts";

/** A frame without what only inspection wants. */
export type BriefFrame = {
  /** The linkage name if there is one, else the name in the source. */
  readonly name: string | undefined;
  /** As in SourceFrame. */
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
};

/** What is known of an address: as Found, with less of inlined calls. */
export type Answer = {
  /** Innermost first. */
  readonly frames: readonly BriefFrame[];
  /** The function of the last frame, which all the others are inlined into. */
  readonly code: SourceFunction | undefined;
  readonly reason: string | undefined;
};

/** Answers as they are handed from one thread to another; the columns are those of `Answers`. */
export type AnswerColumns = {
  readonly known: Uint8Array;
  readonly call: Int32Array;
  readonly file: Int32Array;
  readonly line: Int32Array;
  readonly column: Int32Array;
  readonly linkageName: Int32Array;
  readonly name: Int32Array;
  readonly parent: Int32Array;
  readonly callFile: Int32Array;
  readonly callLine: Int32Array;
  readonly callColumn: Int32Array;
  readonly functionRow: Int32Array;
  readonly entry: Float64Array;
  readonly firstRange: Int32Array;
  readonly ranges: Float64Array;
  readonly names: readonly (string | undefined)[];
  readonly paths: readonly (string | undefined)[];
};

const NO_CALL = -1;
/** A row of columns that has no place, and an address that somebody else must answer for. */
const NONE = -1;

export class Answers {
  /** Names by the numbers below. */
  readonly names = new Texts();
  /** Paths likewise. */
  readonly paths = new Texts();
  // By index of the address.
  private readonly call: Int32Array;
  private readonly file: Int32Array;
  private readonly line: Int32Array;
  private readonly column: Int32Array;
  /** 1 when the columns have the answer. */
  private readonly known: Uint8Array;
  // By call, functions included: names, the call around it, and where it stands in that.
  private readonly linkageName = new Int32List();
  private readonly name = new Int32List();
  private readonly parent = new Int32List();
  private readonly callFile = new Int32List();
  private readonly callLine = new Int32List();
  private readonly callColumn = new Int32List();
  /** Of a function, its row in the columns below. */
  private readonly functionRow = new Int32List();
  private readonly entry = new Float64List();
  /** Function i has the pairs [firstRange[i], firstRange[i + 1]) of begin and end. */
  private readonly firstRange = new Int32List();
  private readonly ranges = new Float64List();
  /** Asked for addresses that the columns do not know. */
  private readonly otherwise: (index: number) => Found;
  /** The function asked for last: its addresses mostly follow each other. */
  private lastCall = NONE;
  private lastFunction: SourceFunction | undefined;

  constructor(count: number, otherwise: (index: number) => Found) {
    this.call = new Int32Array(count);
    this.file = new Int32Array(count);
    this.line = new Int32Array(count);
    this.column = new Int32Array(count);
    this.known = new Uint8Array(count);
    this.otherwise = otherwise;
  }

  /** Adds a function. @param ranges begins and ends by turns. @returns its row. */
  addFunction(linkageName: number, name: number, entry: number, ranges: Float64List): number {
    this.firstRange.push(this.ranges.length);
    for (let i = 0; i < ranges.length; i++) this.ranges.push(ranges.values[i]);
    this.functionRow.push(this.entry.length);
    this.entry.push(entry);
    return this.addRow(linkageName, name, NO_CALL, NONE, 0, 0);
  }

  /** Adds an inlined call. @returns its row. */
  addCall(linkageName: number, name: number, parent: number, file: number, line: number, column: number): number {
    this.functionRow.push(NONE);
    return this.addRow(linkageName, name, parent, file, line, column);
  }

  private addRow(
    linkageName: number,
    name: number,
    parent: number,
    file: number,
    line: number,
    column: number,
  ): number {
    this.linkageName.push(linkageName);
    this.name.push(name);
    this.parent.push(parent);
    this.callFile.push(file);
    this.callLine.push(line);
    this.callColumn.push(column);
    return this.parent.length - 1;
  }

  /** @param call row of the innermost call, -1 when there is a place but no function. */
  set(index: number, call: number, file: number, line: number, column: number): void {
    this.known[index] = 1;
    this.call[index] = call;
    this.file[index] = file;
    this.line[index] = line;
    this.column[index] = column;
  }

  /** Reads what was only noted so far. */
  finish(): void {
    this.names.read();
    this.paths.read();
  }

  /** What was found, for `take`. Nothing can be added afterwards. */
  columns(): AnswerColumns {
    const { known, call, file, line, column } = this;
    return {
      ...{ known, call, file, line, column },
      linkageName: this.linkageName.values.slice(0, this.linkageName.length),
      name: this.name.values.slice(0, this.name.length),
      parent: this.parent.values.slice(0, this.parent.length),
      callFile: this.callFile.values.slice(0, this.callFile.length),
      callLine: this.callLine.values.slice(0, this.callLine.length),
      callColumn: this.callColumn.values.slice(0, this.callColumn.length),
      functionRow: this.functionRow.values.slice(0, this.functionRow.length),
      entry: this.entry.values.slice(0, this.entry.length),
      firstRange: this.firstRange.values.slice(0, this.firstRange.length),
      ranges: this.ranges.values.slice(0, this.ranges.length),
      names: this.names.texts,
      paths: this.paths.texts,
    };
  }

  /**
   * Adds what was found elsewhere.
   *
   * @param indexes of its addresses, here.
   */
  take(from: AnswerColumns, indexes: Uint32Array): void {
    const rows = this.parent.length;
    const functions = this.entry.length;
    const ranges = this.ranges.length;
    const names = this.names.append(from.names);
    const paths = this.paths.append(from.paths);
    append(this.linkageName, from.linkageName, names);
    append(this.name, from.name, names);
    append(this.parent, from.parent, rows);
    append(this.callFile, from.callFile, paths);
    append(this.callLine, from.callLine, 0);
    append(this.callColumn, from.callColumn, 0);
    append(this.functionRow, from.functionRow, functions);
    append(this.firstRange, from.firstRange, ranges);
    for (const entry of from.entry) this.entry.push(entry);
    for (const bound of from.ranges) this.ranges.push(bound);
    for (let i = 0; i < indexes.length; i++) {
      if (from.known[i] === 0) continue;
      const call = from.call[i];
      const file = from.file[i];
      this.set(indexes[i], call < 0 ? call : call + rows, file < 0 ? file : file + paths, from.line[i], from.column[i]);
    }
  }

  /** The answer for an address by its index. */
  at(index: number): Answer {
    if (this.known[index] === 0) return brief(this.otherwise(index));
    const frames: BriefFrame[] = [];
    let file = this.file[index];
    let line = this.line[index];
    let column = this.column[index];
    let call = this.call[index];
    if (call === NO_CALL)
      return { frames: [this.frame(undefined, file, line, column)], code: undefined, reason: undefined };
    let bytes = 0;
    for (;;) {
      const number = this.linkageName.values[call] >= 0 ? this.linkageName.values[call] : this.name.values[call];
      const name = number < 0 ? undefined : this.names.texts[number];
      // A name that is damaged: what else is known, the careful way finds out.
      if (number >= 0 && name === undefined) return brief(this.otherwise(index));
      const frame = this.frame(name, file, line, column);
      frames.push(frame);
      bytes += (name?.length ?? 0) + (frame.file?.length ?? 0);
      if (bytes > MAX_ANSWER_BYTES / 4) return brief(this.otherwise(index));
      const parent = this.parent.values[call];
      if (parent === NO_CALL) break;
      file = this.callFile.values[call];
      line = this.callLine.values[call];
      column = this.callColumn.values[call];
      call = parent;
    }
    return { frames, code: this.functionOf(call), reason: undefined };
  }

  /** As `at(index).code`: the same object for addresses of one function that follow each other. */
  codeAt(index: number): SourceFunction | undefined {
    if (this.known[index] === 0) return this.at(index).code;
    let call = this.call[index];
    if (call === NO_CALL) return undefined;
    while (this.parent.values[call] !== NO_CALL) call = this.parent.values[call];
    const code = this.functionOf(call);
    // A name that is damaged, as above.
    const number = this.linkageName.values[call] >= 0 ? this.linkageName.values[call] : this.name.values[call];
    return number >= 0 && code.name === undefined ? this.at(index).code : code;
  }

  private frame(name: string | undefined, file: number, line: number, column: number): BriefFrame {
    const lineNumber = line >>> 0;
    const columnNumber = column >>> 0;
    return {
      name,
      file: file < 0 ? undefined : this.paths.texts[file],
      line: lineNumber === 0 ? undefined : lineNumber,
      column: columnNumber === 0 ? undefined : columnNumber,
    };
  }

  private functionOf(call: number): SourceFunction {
    if (call === this.lastCall && this.lastFunction) return this.lastFunction;
    const row = this.functionRow.values[call];
    const linkageName = this.textOf(this.linkageName.values[call]);
    const displayName = this.textOf(this.name.values[call]);
    const ranges: AddressRange[] = [];
    const end = row + 1 < this.firstRange.length ? this.firstRange.values[row + 1] : this.ranges.length;
    for (let i = this.firstRange.values[row]; i < end; i += 2)
      ranges.push({
        begin: virtualAddress(this.ranges.values[i]),
        end: virtualAddress(this.ranges.values[i + 1]),
      });
    this.lastCall = call;
    this.lastFunction = {
      name: linkageName ?? displayName,
      linkageName,
      displayName,
      entry: virtualAddress(this.entry.values[row]),
      size: ranges.length > 0 ? ranges[0].end - ranges[0].begin : 0,
      ranges,
    };
    return this.lastFunction;
  }

  private textOf(number: number): string | undefined {
    return number < 0 ? undefined : this.names.texts[number];
  }
}

/** Appends numbers that count from `base`; negative ones mean nothing, and stay. (A line is an unsigned number.) */
function append(list: Int32List, values: Int32Array, base: number): void {
  for (const value of values) list.push(base > 0 && value >= 0 ? value + base : value);
}

/** An answer of the other kind, in short. */
export function brief({ frames, reason }: Found): Answer {
  return {
    frames: frames.map(({ function: code, file, line, column }) => ({ name: code?.name, file, line, column })),
    code: frames.at(-1)?.function,
    reason,
  };
}
