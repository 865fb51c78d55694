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
  /** By frame: the row of its call, below `Answers.callCount`; -1 for none. */
  readonly calls: number[];
  /** 0: unknown. */
  readonly lines: number[];
  readonly columns: number[];
  /** Why there are none. */
  reason: string | undefined;
};

/** Answers as they are handed from one thread to another; the columns are those of `Answers`. */
export type AnswerColumns = {
  readonly places: Int32Array;
  readonly calls: Int32Array;
  readonly entry: Float64Array;
  readonly firstRange: Int32Array;
  readonly ranges: Float64Array;
  readonly names: readonly (string | undefined)[];
  readonly paths: readonly (string | undefined)[];
};

const NO_CALL = -1;
export const NO_FUNCTION = -1;
export const OTHER_FUNCTION = -2;
/** A row of columns that has no place. */
const NONE = -1;

// A batch is asked for addresses in any order, so each step is a place in memory that is not at hand: what is read together
// lies together.

/** Of an address, four numbers: the innermost call, or one of those below; file, line and column. */
const PLACE = 4;
/** Instead of a call: somebody else must answer. */
const UNKNOWN = -2;
/** Likewise: nothing is known, for the reason whose number stands instead of the file. */
const NOTHING = -3;

/** Of a call or function, eight numbers. */
const CALL = 8;
const LINKAGE_NAME = 0;
const NAME = 1;
/** The call around it, and where it stands in that. */
const PARENT = 2;
const FILE = 3;
const LINE = 4;
const COLUMN = 5;
/** The call that is the function around all of them. */
const OUTERMOST = 6;
/** Of a function, its row in the columns of functions. */
const FUNCTION = 7;

export class Answers {
  /** Names by the numbers below. */
  readonly names = new Texts();
  /** Paths likewise. */
  readonly paths = new Texts();
  /** By index of the address. */
  private readonly places: Int32Array;
  private readonly reasons: string[] = [];
  /** Rows of calls, functions included. */
  private readonly calls = new Int32List();
  private readonly entry = new Float64List();
  /** Function i has the pairs [firstRange[i], firstRange[i + 1]) of begin and end. */
  private readonly firstRange = new Int32List();
  private readonly ranges = new Float64List();
  /** Asked for addresses that the columns do not know. */
  private readonly otherwise: (index: number) => Found;
  private readonly numbers: FrameNumbers = {
    ...{ depth: 0, names: [], files: [], calls: [], lines: [], columns: [] },
    reason: undefined,
  };

  constructor(count: number, otherwise: (index: number) => Found) {
    this.places = new Int32Array(PLACE * count);
    for (let at = 0; at < this.places.length; at += PLACE) this.places[at] = UNKNOWN;
    this.otherwise = otherwise;
  }

  /** Rows of calls. */
  get callCount(): number {
    return this.calls.length / CALL;
  }

  /** Adds a function. @param ranges begins and ends by turns. @returns its row. */
  addFunction(linkageName: number, name: number, entry: number, ranges: Float64List): number {
    this.firstRange.push(this.ranges.length);
    for (let i = 0; i < ranges.length; i++) this.ranges.push(ranges.values[i]);
    this.entry.push(entry);
    const row = this.addRow(linkageName, name, NO_CALL, NONE, 0, 0);
    this.calls.push(row);
    this.calls.push(this.entry.length - 1);
    return row;
  }

  /** Adds an inlined call. @returns its row. */
  addCall(linkageName: number, name: number, parent: number, file: number, line: number, column: number): number {
    const row = this.addRow(linkageName, name, parent, file, line, column);
    this.calls.push(this.calls.values[CALL * parent + OUTERMOST]);
    this.calls.push(NONE);
    return row;
  }

  private addRow(
    linkageName: number,
    name: number,
    parent: number,
    file: number,
    line: number,
    column: number,
  ): number {
    const { calls } = this;
    const row = calls.length / CALL;
    calls.push(linkageName);
    calls.push(name);
    calls.push(parent);
    calls.push(file);
    calls.push(line);
    calls.push(column);
    return row;
  }

  /** @param call row of the innermost call, -1 when there is a place but no function. */
  set(index: number, call: number, file: number, line: number, column: number): void {
    const { places } = this;
    const at = PLACE * index;
    places[at] = call;
    places[at + 1] = file;
    places[at + 2] = line;
    places[at + 3] = column;
  }

  /** Of an address that no debug information has, for this reason. */
  setNothing(index: number, reason: string): void {
    let number = this.reasons.lastIndexOf(reason);
    if (number < 0) number = this.reasons.push(reason) - 1;
    this.set(index, NOTHING, number, 0, 0);
  }

  /** Reads what was only noted so far. */
  finish(): void {
    this.names.read();
    this.paths.read();
  }

  /** What was found, for `take`. Nothing can be added afterwards. */
  columns(): AnswerColumns {
    return {
      places: this.places,
      calls: this.calls.values.slice(0, this.calls.length),
      entry: this.entry.values.slice(0, this.entry.length),
      firstRange: this.firstRange.values.slice(0, this.firstRange.length),
      ranges: this.ranges.values.slice(0, this.ranges.length),
      names: this.names.texts,
      paths: this.paths.texts,
    };
  }

  /**
   * Adds what was found elsewhere: what nothing is known of is left out.
   *
   * @param indexes of its addresses, here.
   */
  take(from: AnswerColumns, indexes: Uint32Array): void {
    const { calls } = this;
    const rows = calls.length / CALL;
    const functions = this.entry.length;
    const ranges = this.ranges.length;
    const names = this.names.append(from.names);
    const paths = this.paths.append(from.paths);
    for (let at = 0; at < from.calls.length; at += CALL) {
      calls.push(moved(from.calls[at + LINKAGE_NAME], names));
      calls.push(moved(from.calls[at + NAME], names));
      calls.push(moved(from.calls[at + PARENT], rows));
      calls.push(moved(from.calls[at + FILE], paths));
      calls.push(from.calls[at + LINE]);
      calls.push(from.calls[at + COLUMN]);
      calls.push(moved(from.calls[at + OUTERMOST], rows));
      calls.push(moved(from.calls[at + FUNCTION], functions));
    }
    for (const first of from.firstRange) this.firstRange.push(first + ranges);
    for (const entry of from.entry) this.entry.push(entry);
    for (const bound of from.ranges) this.ranges.push(bound);
    for (let i = 0; i < indexes.length; i++) {
      const [call, file, line, column] = from.places.subarray(PLACE * i, PLACE * (i + 1));
      if (call >= NO_CALL) this.set(indexes[i], moved(call, rows), moved(file, paths), line, column);
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
    return { frames, reason: numbers.reason };
  }

  /** The frames of an address by its index; undefined where only `at` has them. Valid until the next. */
  numbersAt(index: number): FrameNumbers | undefined {
    const { numbers, places } = this;
    const place = PLACE * index;
    let call = places[place];
    if (call < NO_CALL) return call === NOTHING ? this.nothing(places[place + 1]) : undefined;
    const calls = this.calls.values;
    let file = places[place + 1];
    let line = places[place + 2];
    let column = places[place + 3];
    let depth = 0;
    numbers.reason = undefined;
    for (;;) {
      numbers.names[depth] = call === NO_CALL ? NONE : this.nameNumber(call);
      numbers.files[depth] = file;
      numbers.calls[depth] = call;
      numbers.lines[depth] = line >>> 0;
      numbers.columns[depth] = column >>> 0;
      depth++;
      if (call === NO_CALL) break;
      const row = CALL * call;
      call = calls[row + PARENT];
      if (call === NO_CALL) break;
      file = calls[row + FILE];
      line = calls[row + LINE];
      column = calls[row + COLUMN];
    }
    numbers.depth = depth;
    const { names, paths } = this;
    const most = depth * (names.longest + paths.longest);
    return names.damaged === 0 && most <= MAX_ANSWER_BYTES / 4 ? numbers : this.checked(numbers);
  }

  /** Why nothing is known of an address; undefined where something is, or only `at` can tell. */
  reasonAt(index: number): string | undefined {
    const place = PLACE * index;
    return this.places[place] === NOTHING ? this.reasons[this.places[place + 1]] : undefined;
  }

  private nothing(reason: number): FrameNumbers {
    this.numbers.depth = 0;
    this.numbers.reason = this.reasons[reason];
    return this.numbers;
  }

  /** Undefined when a name is damaged or all is too long: what else is known, the careful way finds out. */
  private checked(numbers: FrameNumbers): FrameNumbers | undefined {
    let length = 0;
    for (let i = 0; i < numbers.depth; i++) {
      const name = this.textOf(numbers.names[i]);
      if (numbers.names[i] >= 0 && name === undefined) return undefined;
      length += (name?.length ?? 0) + (this.pathOf(numbers.files[i])?.length ?? 0);
    }
    return length > MAX_ANSWER_BYTES / 4 ? undefined : numbers;
  }

  /**
   * Which function an address is in, by a number that tells it from all others; `NO_FUNCTION` for none, `OTHER_FUNCTION`
   * where only `functionAt` can tell.
   */
  functionRowAt(index: number): number {
    const call = this.places[PLACE * index];
    if (call < 0) return call === UNKNOWN ? OTHER_FUNCTION : NO_FUNCTION;
    const row = this.calls.values[CALL * call + OUTERMOST];
    if (this.names.damaged === 0) return row;
    const name = this.nameNumber(row);
    return name >= 0 && this.names.texts[name] === undefined ? OTHER_FUNCTION : row;
  }

  /**
   * The function of an address.
   *
   * @param row what `functionRowAt(index)` gave.
   */
  functionAt(index: number, address: VirtualAddress, row: number): FunctionAt | undefined {
    if (row === NO_FUNCTION) return undefined;
    if (row === OTHER_FUNCTION) return functionAt(this.otherwise(index).frames.at(-1)?.function, address);
    const code = this.calls.values[CALL * row + FUNCTION];
    const end = code + 1 < this.firstRange.length ? this.firstRange.values[code + 1] : this.ranges.length;
    const first = this.firstRange.values[code];
    const { values } = this.ranges;
    let at = first;
    while (at < end && !(values[at] <= address && address < values[at + 1])) at += 2;
    const linkageName = this.textOf(this.calls.values[CALL * row + LINKAGE_NAME]);
    return {
      name: linkageName ?? this.textOf(this.calls.values[CALL * row + NAME]),
      linkageName,
      entry: virtualAddress(this.entry.values[code]),
      size: first < end ? values[first + 1] - values[first] : 0,
      range: at < end ? { begin: virtualAddress(values[at]), end: virtualAddress(values[at + 1]) } : undefined,
    };
  }

  /** Number of the name of a call or function: that of the linker, if there is one; -1 for none. */
  nameNumber(call: number): number {
    const number = this.calls.values[CALL * call + LINKAGE_NAME];
    return number >= 0 ? number : this.calls.values[CALL * call + NAME];
  }

  private pathOf(number: number): string | undefined {
    return number < 0 ? undefined : this.paths.texts[number];
  }

  private textOf(number: number): string | undefined {
    return number < 0 ? undefined : this.names.texts[number];
  }
}

/** A number that counts from `base` from now on; a negative one means nothing, and stays. */
function moved(number: number, base: number): number {
  return number < 0 ? number : number + base;
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
