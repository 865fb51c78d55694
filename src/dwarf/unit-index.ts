/**
 * Which units may contain an address.
 *
 * Asked in this order, each step only when the one before had no answer: .debug_aranges; the ranges of every unit's root
 * DIE; and, of units whose root states none, their line sequences or functions. An address that .debug_aranges says nothing
 * about is not looked for in the units that it names, unless it is damaged.
 */

import { type Aranges, readAranges } from "./aranges.ts";
import * as dw from "./constants.ts";
import type { DebugFile } from "./debug-file.ts";
import { MAX_ARANGES, MAX_CANDIDATES, MAX_CLAIMS, MAX_DAMAGED_UNITS, ROOT_SCAN_FACTOR } from "./limits.ts";
import { RangeTable } from "./range-table.ts";
import { CodeRanges } from "./ranges.ts";
import { reasonOf } from "./reason.ts";
import type { Unit } from "./unit.ts";

/** Addresses for which .debug_aranges is searched instead of sorted, and how often that is done. */
const MAX_EXPECTED = 64;
const MAX_SEARCHES = 4;

/** Of `likeliest`: no unit. */
export const NO_UNIT = -1;
/** An index that cannot be read. */
const UNTOLD = -2;

const NO_UNITS: ReadonlySet<number> = new Set();

/** What the roots of some units say. */
type Roots = {
  readonly table: RangeTable;
  /** Units that state no ranges. */
  readonly unstated: readonly number[];
  /** The ranges of these by other means. */
  rest: RangeTable | undefined;
  /** Why units may be missing. */
  reason: string | undefined;
};

export class UnitIndex {
  private readonly file: DebugFile;
  /** Adds the ranges of a unit whose root states none. */
  private readonly addUnstated: (unit: Unit, table: RangeTable) => void;
  private aranges: Aranges | undefined;
  private expected: Float64Array = new Float64Array(0);
  /** Those with the expected addresses. */
  private expectedAranges: Aranges | undefined;
  private searches = 0;
  private allRoots: Roots | undefined;
  /** Of units that .debug_aranges does not name. */
  private unnamedRoots: Roots | undefined;

  constructor(file: DebugFile, addUnstated: (unit: Unit, table: RangeTable) => void) {
    this.file = file;
    this.addUnstated = addUnstated;
  }

  /** Bytes of memory that the index takes, about. */
  get memory(): number {
    let ranges = this.aranges?.table.length ?? 0;
    for (const roots of [this.allRoots, this.unnamedRoots])
      if (roots) ranges += roots.table.length + (roots.rest?.length ?? 0);
    return ranges * 56 + (this.aranges?.unitCount ?? 0) * 40;
  }

  /**
   * Says which addresses will be asked for next: when they are few, no table is made for them.
   *
   * @param addresses ascending.
   */
  expect(addresses: Float64Array): void {
    if (this.aranges || addresses.length > MAX_EXPECTED || ++this.searches > MAX_SEARCHES) return;
    this.expected = addresses;
    this.expectedAranges = undefined;
  }

  /**
   * Offsets in .debug_info of the units that may contain `address`, each once.
   *
   * Where a linker merged the same inline function of many units, all of them claim its address. The code is that of the
   * first unit, which the linker saw first, so lower offsets come first.
   */
  *candidates(address: number): Generator<number> {
    const seen = new Set<number>();
    for (const table of this.tables(address)) {
      for (const unit of unitsIn(table, address)) {
        if (seen.has(unit)) continue;
        if (seen.size >= MAX_CANDIDATES) return;
        seen.add(unit);
        yield unit;
      }
    }
  }

  /** The first of the candidates; `NO_UNIT` when there is none, another negative number when they cannot be told. */
  likeliest(address: number): number {
    try {
      const aranges = this.arangesFor(address);
      let unit = firstUnitIn(aranges.table, address);
      if (unit !== NO_UNIT) return unit;
      const roots = this.rootsFor(aranges, address);
      unit = firstUnitIn(roots.table, address);
      return unit === NO_UNIT ? firstUnitIn(this.restOf(roots), address) : unit;
    } catch (error) {
      reasonOf(error); // the careful way says it
      return UNTOLD;
    }
  }

  /** Why units that have this address may be missing from the index. */
  reasonAt(address: number): string | undefined {
    const aranges = this.arangesFor(address);
    return aranges.reason ?? this.rootsFor(aranges, address).reason;
  }

  private *tables(address: number): Generator<RangeTable> {
    const aranges = this.arangesFor(address);
    yield aranges.table;
    const roots = this.rootsFor(aranges, address);
    yield roots.table;
    yield this.restOf(roots);
  }

  private restOf(roots: Roots): RangeTable {
    roots.rest ??= this.scanUnstated(roots);
    return roots.rest;
  }

  /** A unit that is named for an address and does not have it is no reason to believe the others. */
  private rootsFor({ table, complete }: Aranges, address: number): Roots {
    if (complete.size === 0 || table.find(address) >= 0) {
      this.allRoots ??= this.scanRoots(NO_UNITS);
      return this.allRoots;
    }
    this.unnamedRoots ??= this.scanRoots(complete);
    return this.unnamedRoots;
  }

  private arangesFor(address: number): Aranges {
    if (this.aranges) return this.aranges;
    if (this.expected.includes(address)) {
      this.expectedAranges ??= this.readAranges(this.expected);
      return this.expectedAranges;
    }
    this.aranges = this.readAranges(undefined);
    return this.aranges;
  }

  private readAranges(wanted: Float64Array | undefined): Aranges {
    const aranges = readAranges(this.file, wanted);
    this.file.directory(".debug_info")?.learn(aranges.units());
    return aranges;
  }

  private scanRoots(known: ReadonlySet<number>): Roots {
    const table = new RangeTable();
    const unstated: number[] = [];
    let problem: string | undefined;
    const ranges = new CodeRanges(MAX_ARANGES);
    // Many units may share what they refer to, so the work is counted, not only the units.
    const abbreviationBytes = ROOT_SCAN_FACTOR * (this.file.source(".debug_abbrev")?.size ?? 0) + (1 << 20);
    const before = this.file.rootScanBytes;
    let damaged = 0;
    for (const { offset, header, reason } of this.file.headers(".debug_info", known)) {
      problem ??= reason;
      if (header === undefined || header.typeOffset !== undefined || header.type === dw.DW_UT_partial) continue;
      try {
        const unit = this.file.openUnit(header);
        if (unit.root.tag === dw.DW_TAG_partial_unit) continue;
        ranges.read(unit, unit.root.attributes);
        for (let i = 0; i < ranges.pairs.length; i += 2)
          table.add(ranges.pairs.values[i], ranges.pairs.values[i + 1], offset);
        if (ranges.pairs.length === 0 && ranges.dropped.length === 0) unstated.push(offset);
      } catch (error) {
        problem ??= reasonOf(error);
        damaged++;
      }
      if (
        this.file.rootScanBytes - before > abbreviationBytes ||
        ranges.entries > MAX_ARANGES ||
        damaged > MAX_DAMAGED_UNITS
      ) {
        problem ??= `${this.file.name}: too many units are damaged or share too much, those behind 0x${offset.toString(16)} are left out`;
        break;
      }
    }
    return { table, unstated, rest: undefined, reason: problem };
  }

  private scanUnstated(roots: Roots): RangeTable {
    const table = new RangeTable();
    let damaged = 0;
    for (const offset of roots.unstated) {
      try {
        this.addUnstated(this.file.readUnit(offset), table);
      } catch (error) {
        roots.reason ??= reasonOf(error);
        damaged++;
      }
      if (table.length > MAX_ARANGES || damaged > MAX_DAMAGED_UNITS) break;
    }
    return table;
  }
}

function firstUnitIn(table: RangeTable, address: number): number {
  let first = NO_UNIT;
  let claims = 0;
  for (let row = table.find(address); row >= 0 && claims < MAX_CLAIMS; row = table.find(address, row)) {
    const unit = table.payloadAt(row);
    if (first === NO_UNIT || unit < first) first = unit;
    claims++;
  }
  return first;
}

function unitsIn(table: RangeTable, address: number): number[] {
  const units: number[] = [];
  for (let row = table.find(address); row >= 0 && units.length < MAX_CLAIMS; row = table.find(address, row))
    units.push(table.payloadAt(row));
  return units.sort((a, b) => a - b);
}
