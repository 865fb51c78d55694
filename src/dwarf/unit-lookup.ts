/**
 * One address in one unit: the line table gives the innermost frame's place, the functions and inlined calls the frames.
 *
 * What is found out about a unit is kept with it, function by function.
 */

import { virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import * as dw from "./constants.ts";
import { type Found, rangeList, type SourceFrame, type SourceFunction } from "./frames.ts";
import { type FunctionHit, FunctionTable } from "./function-table.ts";
import { InlinedCalls } from "./inlined-calls.ts";
import { MAX_ANSWER_BYTES, MAX_FRAMES, MAX_KEPT_BYTES } from "./limits.ts";
import type { LineTable } from "./line-table.ts";
import { functionNames } from "./names.ts";
import { RangeTable } from "./range-table.ts";
import { CodeRanges } from "./ranges.ts";
import { reasonOf } from "./reason.ts";
import { isSkeleton, splitUnit } from "./split.ts";
import type { Unit } from "./unit.ts";

type Place = { file: string | undefined; line: number | undefined; column: number | undefined };
const NO_PLACE: Place = { file: undefined, line: undefined, column: undefined };

export class UnitLookup {
  /** The unit with the DIEs: of a skeleton its split unit, when that was found. */
  readonly unit: Unit;
  /** Why this unit's answers may be incomplete. */
  private readonly splitReason: string | undefined;
  private functionTable: FunctionTable | undefined;
  private readonly calls = new Map<number, InlinedCalls>();
  private rootRanges: RangeTable | undefined;
  private readonly callPlaces = new Map<number, Place>();
  private readonly paths = new Map<number, string | undefined>();
  private readonly described = new Map<number, SourceFunction>();
  private keptBytes = 0;

  constructor(unit: Unit) {
    let dies = unit;
    if (isSkeleton(unit)) {
      try {
        dies = splitUnit(unit);
      } catch (error) {
        this.splitReason = reasonOf(error);
      }
    }
    this.unit = dies;
  }

  get functions(): FunctionTable {
    this.functionTable ??= new FunctionTable(this.unit);
    return this.functionTable;
  }

  /** Bytes of memory that this holds, about. */
  get weight(): number {
    return this.unit.size + (this.functionTable?.weight ?? 0) + this.keptBytes;
  }

  /** Whether the unit's root DIE says that the unit has this address. */
  covers(address: number): boolean {
    this.rootRanges ??= rootRanges(this.unit.main);
    return this.rootRanges.find(address) >= 0;
  }

  /** Never throws a LeaklineError: what is damaged becomes the reason. */
  find(address: number): Found {
    let reason = this.splitReason;
    let place = NO_PLACE;
    try {
      const table = this.unit.lineTable;
      reason ??= table?.reason;
      if (table) place = this.placeOf(table, address);
    } catch (error) {
      reason ??= reasonOf(error);
    }
    const hit = this.functions.find(address);
    if (hit === undefined) {
      const frames = place === NO_PLACE ? [] : [{ function: undefined, ...place, inlined: false }];
      return { frames, reason: reason ?? this.functions.reason };
    }
    const frames: SourceFrame[] = [];
    let bytes = 0;
    try {
      const calls = this.callsOf(hit.die);
      reason ??= calls.reason;
      for (const die of calls.find(address)) {
        const inlined = this.describe(die, address);
        frames.push({ function: inlined, ...place, inlined: true });
        bytes += bytesOf(inlined, place);
        if (frames.length > MAX_FRAMES || bytes > MAX_ANSWER_BYTES)
          throw new LeaklineError("limit", `${this.unit.name}: too much is inlined here`);
        place = this.callPlace(die);
      }
    } catch (error) {
      reason ??= reasonOf(error);
    }
    frames.push({ function: this.describeHit(hit, address), ...place, inlined: false });
    return { frames, reason };
  }

  private placeOf(table: LineTable, address: number): Place {
    const found = table.find(address);
    if (found === undefined) return NO_PLACE;
    const { rows, row } = found;
    return {
      file: this.path(rows.file[row]),
      line: known(rows.line[row] >>> 0),
      column: known(rows.column[row] >>> 0),
    };
  }

  /** Where an inlined call stands in the source: the place of the frame around it (§3.3.8.1). */
  private callPlace(die: number): Place {
    let place = this.callPlaces.get(die);
    if (place === undefined) {
      const { attributes } = this.unit.die(die);
      const file = attributes.get(dw.DW_AT_call_file);
      place = {
        file: file && this.path(file.value),
        line: known(attributes.get(dw.DW_AT_call_line)?.value),
        column: known(attributes.get(dw.DW_AT_call_column)?.value),
      };
      this.keep(500);
      this.callPlaces.set(die, place);
    }
    return place;
  }

  private path(file: number): string | undefined {
    if (!this.paths.has(file)) {
      const path = this.unit.path(file);
      this.keep(100 + 2 * (path?.length ?? 0));
      this.paths.set(file, path);
    }
    return this.paths.get(file);
  }

  /** Makes room for so many bytes: what was kept can be read again. */
  private keep(bytes: number): void {
    this.keptBytes += bytes;
    if (this.keptBytes <= MAX_KEPT_BYTES) return;
    this.calls.clear();
    this.described.clear();
    this.callPlaces.clear();
    this.paths.clear();
    this.keptBytes = bytes;
  }

  private callsOf(functionDie: number): InlinedCalls {
    let calls = this.calls.get(functionDie);
    if (calls === undefined) {
      calls = new InlinedCalls(this.unit, functionDie);
      this.keep(calls.weight);
      this.calls.set(functionDie, calls);
    }
    return calls;
  }

  /** A function that contains the address, even when its DIE turns out to be damaged. */
  private describeHit(hit: FunctionHit, address: number): SourceFunction | undefined {
    try {
      return this.describe(hit.die, address);
    } catch (error) {
      reasonOf(error);
      return undefined;
    }
  }

  private describe(die: number, address: number): SourceFunction {
    let described = this.described.get(die);
    if (described === undefined) {
      described = describeFunction(this.unit, die);
      this.keep(bytesOf(described, NO_PLACE));
      this.described.set(die, described);
    }
    if (described.ranges.length < 2) return described;
    const range = described.ranges.find(({ begin, end }) => begin <= address && address < end);
    return { ...described, size: range ? range.end - range.begin : described.size };
  }
}

/** Memory of a frame, in bytes, about. */
function bytesOf({ name, displayName, ranges }: SourceFunction, { file }: Place): number {
  const text = (name?.length ?? 0) + (displayName?.length ?? 0) + (file?.length ?? 0);
  return 500 + 2 * text + 64 * ranges.length;
}

/** The ranges that the root DIE states; none when they are damaged. */
export function rootRanges(unit: Unit): RangeTable {
  const table = new RangeTable();
  try {
    const code = new CodeRanges();
    code.read(unit, unit.root.attributes);
    for (const { begin, end } of rangeList(code.pairs)) table.add(begin, end, 0);
  } catch (error) {
    reasonOf(error);
  }
  return table;
}

/** The function at a DIE, with the size of its first range. */
export function describeFunction(unit: Unit, die: number): SourceFunction {
  const { linkageName, name } = functionNames(unit, die);
  const code = new CodeRanges();
  code.read(unit, unit.die(die).attributes);
  const ranges = rangeList(code.pairs);
  return {
    name: linkageName ?? name,
    linkageName,
    displayName: name,
    entry: virtualAddress(code.entry ?? 0),
    size: ranges.length > 0 ? ranges[0].end - ranges[0].begin : 0,
    ranges,
  };
}

/** Lines and columns count from 1: 0 means unknown. */
function known(number: number | undefined): number | undefined {
  return number === undefined || number <= 0 ? undefined : number;
}
