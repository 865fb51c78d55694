/**
 * Many addresses at once: grouped by unit, each unit decoded once and dropped.
 *
 * What a lookup of one address remembers for the next one (unit-lookup.ts) is of no use here: the addresses of a unit
 * come together and never again. So nothing is indexed or sorted but the addresses. Each unit is read into the same
 * buffer, walked once for its functions and once for the calls inlined into each function that was hit, and its line
 * program is run once.
 *
 * This way knows what compilers write. Whatever else a unit turns out to be (damaged, split with its other half missing,
 * claiming an address that it does not have), its addresses are left to the careful way, whose answer is by definition
 * the right one.
 */

import { stableOrder } from "../../base/stable-order.ts";
import type { DebugFile } from "../debug-file.ts";
import type { Found } from "../frames.ts";
import { LineHeader } from "../line-header.ts";
import type { RangeTable } from "../range-table.ts";
import { reasonOf } from "../reason.ts";
import { isSkeleton, splitUnit } from "../split.ts";
import type { Unit } from "../unit.ts";
import { rootRanges } from "../unit-lookup.ts";
import { LineRoom, UnitRoom } from "../unit-room.ts";
import { Answers } from "./answers.ts";
import { LineSearch } from "./line-search.ts";
import { NameReader } from "./name-reader.ts";
import { UnitSearch } from "./unit-search.ts";

/** Deeper calls are left to the careful way, which bounds what one answer may take. */
const MAX_DEPTH = 256;

export class Batch {
  readonly answers: Answers;
  private readonly file: DebugFile;
  private readonly addresses: Float64Array;
  readonly inlines: boolean;
  // Made for each run.
  private unitRoom!: UnitRoom;
  private lineRoom!: LineRoom;
  private lines!: LineSearch;
  private search!: UnitSearch;
  private readonly names: NameReader;
  // Of the unit at hand: its addresses, and the rows of the calls in the function at hand, -1 for none yet.
  private unitAddresses = new Float64Array(0);
  private callRows = new Int32Array(0);
  private unit!: Unit;
  private header: LineHeader | undefined;
  private readonly paths = new Map<number, number>();
  private compDir: string | undefined;

  /**
   * @param addresses ascending.
   * @param inlines whether to look for inlined calls.
   * @param otherwise answers for the address at an index, the careful way.
   */
  constructor(file: DebugFile, addresses: Float64Array, inlines: boolean, otherwise: (index: number) => Found) {
    this.file = file;
    this.inlines = inlines;
    this.addresses = addresses;
    this.answers = new Answers(addresses.length, otherwise);
    this.names = new NameReader(this.answers.names);
  }

  /** @param units for each address, where the unit begins that most likely has it; negative when none has. */
  run(units: Float64Array): void {
    const count = units.length;
    const order = stableOrder(units, count);
    const endOfUnit = (from: number): number => {
      let to = from + 1;
      while (to < count && units[order[to]] === units[order[from]]) to++;
      return to;
    };
    let most = 0;
    for (let from = 0, to = 0; from < count; from = to) {
      to = endOfUnit(from);
      if (units[order[from]] >= 0) most = Math.max(most, to - from);
    }
    if (most > 0) this.prepare(most);
    for (let from = 0, to = 0; from < count; from = to) {
      to = endOfUnit(from);
      const offset = units[order[from]];
      if (offset >= 0) this.tryUnit(offset, order.subarray(from, to));
    }
    if (most > 0) {
      this.search.close();
      this.lines.close();
    }
    this.answers.finish();
  }

  private prepare(maxCount: number): void {
    this.search = new UnitSearch(maxCount);
    this.lines = new LineSearch(maxCount);
    this.unitRoom = new UnitRoom(this.search.window);
    this.lineRoom = new LineRoom(this.lines.window);
  }

  private tryUnit(offset: number, indexes: Uint32Array): void {
    try {
      this.runUnit(offset, indexes);
    } catch (error) {
      reasonOf(error); // the careful way says it in its answers
    }
  }

  private runUnit(offset: number, indexes: Uint32Array): void {
    const main = this.file.readUnit(offset, undefined, this.unitRoom);
    this.unit = isSkeleton(main) ? splitUnit(main) : main;
    const { unit, lines, search } = this;
    const count = indexes.length;
    if (count > this.unitAddresses.length) this.unitAddresses = new Float64Array(roomFor(count));
    const addresses = this.unitAddresses;
    for (let i = 0; i < count; i++) addresses[i] = this.addresses[indexes[i]];
    this.compDir = unit.compDir;
    this.paths.clear();
    this.header = undefined;
    const { lineOffset } = unit;
    if (lineOffset === undefined) lines.clear(count);
    else {
      this.header = new LineHeader(main.file, lineOffset, this.lineRoom);
      const { lowestCode } = main.file.input;
      if (!lines.run(this.header, main.header.addressSize, lowestCode, addresses, count)) return;
    }
    if (!search.begin(unit, addresses, count) || !search.findFunctions()) return;
    const { dies } = search;
    const byFunction = stableOrder(dies, count);
    let covered: RangeTable | undefined;
    for (let from = 0; from < count; ) {
      const die = dies[byFunction[from]];
      let to = from + 1;
      while (to < count && dies[byFunction[to]] === die) to++;
      if (die >= 0) this.runFunction(die, byFunction, from, to, indexes);
      else {
        // A line without a function is an answer only where the unit says that the address is its own, such as assembly.
        covered ??= rootRanges(main);
        for (const i of byFunction.subarray(from, to))
          if (lines.found[i] === 1 && covered.find(addresses[i]) >= 0) this.answer(indexes[i], i, -1);
      }
      from = to;
    }
  }

  /** Answers for the addresses of one function: those of the unit whose numbers are in `order` at `from` and before `to`. */
  private runFunction(die: number, order: Uint32Array, from: number, to: number, indexes: Uint32Array): void {
    const { unit, search, names, unitAddresses } = this;
    for (let i = from; i < to; i++) search.wanted[i - from] = unitAddresses[order[i]];
    if (!search.findCalls(die, this.inlines ? to - from : 0)) return;
    names.take(unit, die, search.names, 0);
    const { entry, pairs } = search.code;
    const row = this.answers.addFunction(names.linkageName, names.name, entry ?? 0, pairs);
    const { callCount, innermost } = search;
    if (callCount > this.callRows.length) this.callRows = new Int32Array(roomFor(callCount));
    this.callRows.fill(-1, 0, callCount);
    for (let i = from; i < to; i++) {
      const call = this.inlines ? innermost[i - from] : -1;
      const inner = call < 0 ? row : this.rowOf(call, row, 0);
      if (inner >= 0) this.answer(indexes[order[i]], order[i], inner);
    }
  }

  /** The row of an inlined call, with those of the calls around it; -1 when it is too deep. */
  private rowOf(call: number, functionRow: number, depth: number): number {
    const known = this.callRows[call];
    if (known >= 0) return known;
    if (depth > MAX_DEPTH) return -1;
    const around = this.search.callParents[call];
    const parent = around < 0 ? functionRow : this.rowOf(around, functionRow, depth + 1);
    if (parent < 0) return -1;
    const { names, search } = this;
    names.take(this.unit, search.callDies[call], search.names, call + 1);
    const { callFile, callLine, callColumn } = names;
    if (callLine > 0xffffffff || callColumn > 0xffffffff) return -1;
    const row = this.answers.addCall(
      names.linkageName,
      names.name,
      parent,
      callFile < 0 ? -1 : this.pathOf(callFile),
      Math.max(0, callLine),
      Math.max(0, callColumn),
    );
    this.callRows[call] = row;
    return row;
  }

  private answer(index: number, i: number, call: number): void {
    const { lines } = this;
    if (lines.found[i] === 0) this.answers.set(index, call, -1, 0, 0);
    else this.answers.set(index, call, this.pathOf(lines.file[i]), lines.line[i], lines.column[i]);
  }

  private pathOf(file: number): number {
    let number = this.paths.get(file);
    if (number === undefined) {
      const path = this.header?.path(file, this.compDir);
      number = path === undefined ? -1 : this.answers.paths.add(path);
      this.paths.set(file, number);
    }
    return number;
  }
}

/** Elements to make room for when `count` are needed: columns are used again from unit to unit. */
function roomFor(count: number): number {
  return Math.max(256, 2 ** Math.ceil(Math.log2(count)));
}
