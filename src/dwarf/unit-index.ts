/**
 * Which units may contain an address.
 *
 * Asked in this order, each step only when the one before had no answer: .debug_aranges; the ranges of every unit's root
 * DIE; and, of units whose root states none, their line sequences or functions.
 */

import { type Aranges, readAranges } from "./aranges.ts";
import * as dw from "./constants.ts";
import type { DebugFile } from "./debug-file.ts";
import { MAX_ARANGES, MAX_CANDIDATES, MAX_CLAIMS, MAX_DAMAGED_UNITS, ROOT_SCAN_FACTOR } from "./limits.ts";
import { RangeTable } from "./range-table.ts";
import { CodeRanges } from "./ranges.ts";
import { reasonOf } from "./reason.ts";
import type { Unit } from "./unit.ts";

export class UnitIndex {
  /** Why units may be missing from the index. */
  reason: string | undefined;
  private readonly file: DebugFile;
  /** Adds the ranges of a unit whose root states none. */
  private readonly addUnstated: (unit: Unit, table: RangeTable) => void;
  private aranges: Aranges | undefined;
  private roots: RangeTable | undefined;
  private unstated: number[] = [];
  private rest: RangeTable | undefined;

  constructor(file: DebugFile, addUnstated: (unit: Unit, table: RangeTable) => void) {
    this.file = file;
    this.addUnstated = addUnstated;
  }

  /** Bytes of memory that the index takes, about. */
  get memory(): number {
    const ranges = (this.aranges?.table.length ?? 0) + (this.roots?.length ?? 0) + (this.rest?.length ?? 0);
    return ranges * 56 + (this.aranges?.units.size ?? 0) * 40;
  }

  /**
   * Offsets in .debug_info of the units that may contain `address`, each once.
   *
   * Where a linker merged the same inline function of many units, all of them claim its address. The code is that of the
   * first unit, which the linker saw first, so lower offsets come first.
   */
  *candidates(address: number): Generator<number> {
    const seen = new Set<number>();
    for (const table of this.tables()) {
      for (const unit of unitsIn(table, address)) {
        if (seen.has(unit)) continue;
        if (seen.size >= MAX_CANDIDATES) return;
        seen.add(unit);
        yield unit;
      }
    }
  }

  /** The first of the candidates, or -1. */
  likeliest(address: number): number {
    try {
      return this.candidates(address).next().value ?? -1;
    } catch (error) {
      this.reason ??= reasonOf(error);
      return -1;
    }
  }

  private *tables(): Generator<RangeTable> {
    if (this.aranges === undefined) {
      this.aranges = readAranges(this.file);
      this.reason ??= this.aranges.reason;
      this.file.directory(".debug_info")?.learn(this.aranges.units);
    }
    yield this.aranges.table;
    this.roots ??= this.scanRoots();
    yield this.roots;
    this.rest ??= this.scanUnstated();
    yield this.rest;
  }

  private scanRoots(): RangeTable {
    const table = new RangeTable();
    const ranges = new CodeRanges(MAX_ARANGES);
    // Many units may share what they refer to, so the work is counted, not only the units.
    const abbreviationBytes = ROOT_SCAN_FACTOR * (this.file.source(".debug_abbrev")?.size ?? 0) + (1 << 20);
    const before = this.file.rootScanBytes;
    let damaged = 0;
    for (const { offset, header, reason } of this.file.headers(".debug_info")) {
      this.reason ??= reason;
      if (header === undefined || header.typeOffset !== undefined || header.type === dw.DW_UT_partial) continue;
      try {
        const unit = this.file.readUnit(offset);
        if (unit.root.tag === dw.DW_TAG_partial_unit) continue;
        ranges.read(unit, unit.root.attributes);
        for (let i = 0; i < ranges.pairs.length; i += 2)
          table.add(ranges.pairs.values[i], ranges.pairs.values[i + 1], offset);
        if (ranges.pairs.length === 0 && ranges.dropped.length === 0) this.unstated.push(offset);
      } catch (error) {
        this.reason ??= reasonOf(error);
        damaged++;
      }
      if (
        this.file.rootScanBytes - before > abbreviationBytes ||
        ranges.entries > MAX_ARANGES ||
        damaged > MAX_DAMAGED_UNITS
      ) {
        this.reason ??= `${this.file.name}: too many units are damaged or share too much, those behind 0x${offset.toString(16)} are left out`;
        break;
      }
    }
    return table;
  }

  private scanUnstated(): RangeTable {
    const table = new RangeTable();
    let damaged = 0;
    for (const offset of this.unstated) {
      try {
        this.addUnstated(this.file.readUnit(offset), table);
      } catch (error) {
        this.reason ??= reasonOf(error);
        damaged++;
      }
      if (table.length > MAX_ARANGES || damaged > MAX_DAMAGED_UNITS) break;
    }
    this.unstated = [];
    return table;
  }
}

function unitsIn(table: RangeTable, address: number): number[] {
  const units: number[] = [];
  for (let row = table.find(address); row >= 0 && units.length < MAX_CLAIMS; row = table.find(address, row))
    units.push(table.payloadAt(row));
  return units.sort((a, b) => a - b);
}
