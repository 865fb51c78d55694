/**
 * The answers to a batch of addresses, as columns.
 *
 * Addresses of one function share its names, and those below one inlined call share the whole chain of calls around it.
 * So a call is a row of its own, with the row of the call around it; an address is four integers: the innermost call,
 * file, line and column. Frames are put together one address at a time, when somebody asks.
 */

import { type VirtualAddress, virtualAddress } from "../../base/address.ts";
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
  readonly reason: string | undefined;
};

/** The function that has an address: as SourceFunction, with only the range of it that has the address. */
export type FunctionAt = {
  readonly name: string | undefined;
  readonly linkageName: string | undefined;
  readonly entry: VirtualAddress;
  /** As SourceFunction. */
  readonly size: number;
  readonly range: AddressRange | undefined;
};

/** The frames of one address by numbers, innermost first. Reused from address to address. */
export type FrameNumbers = {
  depth: number;
  /** By frame: numbers of `Answers.names` and `Answers.paths`; -1 for none. */
  readonly names: number[];
  readonly files: number[];
  /** 0: unknown. */
  readonly lines: number[];
  readonly columns: number[];
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
export const NO_FUNCTION = -1;
export const OTHER_FUNCTION = -2;
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
  private readonly numbers: FrameNumbers = { depth: 0, names: [], files: [], lines: [], columns: [] };

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
    const numbers = this.numbersAt(index);
    if (!numbers) return brief(this.otherwise(index));
    const frames: BriefFrame[] = [];
    for (let i = 0; i < numbers.depth; i++) {
      const line = numbers.lines[i];
      const column = numbers.columns[i];
      frames.push({
        name: this.textOf(numbers.names[i]),
        file: this.pathOf(numbers.files[i]),
        line: line === 0 ? undefined : line,
        column: column === 0 ? undefined : column,
      });
    }
    return { frames, reason: undefined };
  }

  /** The frames of an address by its index; undefined where only `at` has them. Valid until the next. */
  numbersAt(index: number): FrameNumbers | undefined {
    if (this.known[index] === 0) return undefined;
    const { numbers } = this;
    let file = this.file[index];
    let line = this.line[index];
    let column = this.column[index];
    let call = this.call[index];
    let bytes = 0;
    for (let depth = 0; ; ) {
      const name = call === NO_CALL ? NONE : this.nameNumber(call);
      if (name >= 0) {
        const text = this.names.texts[name];
        // A name that is damaged: what else is known, the careful way finds out.
        if (text === undefined) return undefined;
        bytes += text.length;
      }
      numbers.names[depth] = name;
      numbers.files[depth] = file;
      numbers.lines[depth] = line >>> 0;
      numbers.columns[depth] = column >>> 0;
      numbers.depth = ++depth;
      if (call === NO_CALL) return numbers;
      bytes += this.pathOf(file)?.length ?? 0;
      if (bytes > MAX_ANSWER_BYTES / 4) return undefined;
      const parent = this.parent.values[call];
      if (parent === NO_CALL) return numbers;
      file = this.callFile.values[call];
      line = this.callLine.values[call];
      column = this.callColumn.values[call];
      call = parent;
    }
  }

  /**
   * Which function an address is in, by a number that tells it from all others; `NO_FUNCTION` for none, `OTHER_FUNCTION`
   * where only `functionAt` can tell.
   */
  functionRowAt(index: number): number {
    if (this.known[index] === 0) return OTHER_FUNCTION;
    let call = this.call[index];
    if (call === NO_CALL) return NO_FUNCTION;
    while (this.parent.values[call] !== NO_CALL) call = this.parent.values[call];
    const name = this.nameNumber(call);
    // A name that is damaged, as above.
    return name >= 0 && this.names.texts[name] === undefined ? OTHER_FUNCTION : call;
  }

  /**
   * The function of an address.
   *
   * @param row what `functionRowAt(index)` gave.
   */
  functionAt(index: number, address: VirtualAddress, row: number): FunctionAt | undefined {
    if (row === NO_FUNCTION) return undefined;
    if (row === OTHER_FUNCTION) return functionAt(this.otherwise(index).frames.at(-1)?.function, address);
    const code = this.functionRow.values[row];
    const end = code + 1 < this.firstRange.length ? this.firstRange.values[code + 1] : this.ranges.length;
    const first = this.firstRange.values[code];
    const { values } = this.ranges;
    let at = first;
    while (at < end && !(values[at] <= address && address < values[at + 1])) at += 2;
    const linkageName = this.textOf(this.linkageName.values[row]);
    return {
      name: linkageName ?? this.textOf(this.name.values[row]),
      linkageName,
      entry: virtualAddress(this.entry.values[code]),
      size: first < end ? values[first + 1] - values[first] : 0,
      range: at < end ? { begin: virtualAddress(values[at]), end: virtualAddress(values[at + 1]) } : undefined,
    };
  }

  /** Number of the name of a call or function: that of the linker, if there is one; -1 for none. */
  nameNumber(call: number): number {
    const number = this.linkageName.values[call];
    return number >= 0 ? number : this.name.values[call];
  }

  private pathOf(number: number): string | undefined {
    return number < 0 ? undefined : this.paths.texts[number];
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
    reason,
  };
}

/** The function that has an address, with the first of its ranges that does. */
export function functionAt(code: SourceFunction | undefined, address: VirtualAddress): FunctionAt | undefined {
  if (!code) return undefined;
  const { name, linkageName, entry, size } = code;
  return {
    name,
    linkageName,
    entry,
    size,
    range: code.ranges.find(({ begin, end }) => begin <= address && address < end),
  };
}
