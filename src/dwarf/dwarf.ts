/**
 * The debug information of one file: from an address to frames.
 *
 * Nothing is read until something is asked. A lookup reads the index of units once, then only the unit that has the
 * address: its DIEs, its abbreviations, its line program.
 */

import type { VirtualAddress } from "../base/address.ts";
import { DebugFile } from "./debug-file.ts";
import type { Found } from "./frames.ts";
import type { DwarfInput } from "./input.ts";
import { LINE_CACHE_BYTES, UNIT_CACHE_BYTES } from "./limits.ts";
import { LineTable } from "./line-table.ts";
import { Lru } from "./lru.ts";
import type { RangeTable } from "./range-table.ts";
import { reasonOf } from "./reason.ts";
import type { Unit } from "./unit.ts";
import { UnitIndex } from "./unit-index.ts";
import { UnitLookup } from "./unit-lookup.ts";

const NOT_COVERED: Found = { frames: [], reason: "no debug information covers this address" };

/** Opens the debug information of a file. Reads nothing yet. */
export function openDwarf(input: DwarfInput): Dwarf {
  return new Dwarf(input);
}

export class Dwarf {
  private readonly file: DebugFile;
  private readonly index: UnitIndex;
  private readonly lookups = new Lru<UnitLookup>(UNIT_CACHE_BYTES);
  private readonly lineTables = new Lru<LineTable>(LINE_CACHE_BYTES);

  constructor(input: DwarfInput) {
    this.file = new DebugFile(input);
    this.index = new UnitIndex(this.file, (unit, table) => this.addUnstated(unit, table));
  }

  /**
   * The frames of the code at a virtual address of the file, innermost first. A caller's frame should be asked for with
   * its return address less one. Damage never throws: it is the `reason`.
   */
  find(address: VirtualAddress): Found {
    let best = NOT_COVERED;
    try {
      for (const offset of this.index.candidates(address)) {
        const found = this.findIn(offset, address);
        if (found.frames.length > 0 && found.frames[0].function !== undefined) return found;
        if (best.frames.length === 0 && (found.frames.length > 0 || found.reason !== undefined)) best = found;
      }
    } catch (error) {
      return { frames: [], reason: reasonOf(error) };
    }
    return best;
  }

  /**
   * Finds many addresses, in the order that reads each unit once.
   *
   * @returns one answer for each address, in the order given.
   */
  findAll(addresses: readonly VirtualAddress[]): Found[] {
    const order = addresses.map((_, index) => index).sort((a, b) => addresses[a] - addresses[b]);
    const found: Found[] = new Array(addresses.length);
    for (const index of order) found[index] = this.find(addresses[index]);
    return found;
  }

  private findIn(offset: number, address: number): Found {
    try {
      let lookup = this.lookups.get(offset);
      lookup ??= new UnitLookup(this.file.unit(offset), (unit) => this.lineTable(unit));
      const found = lookup.find(address);
      this.lookups.set(offset, lookup, lookup.weight);
      return found;
    } catch (error) {
      return { frames: [], reason: reasonOf(error) };
    }
  }

  private lineTable(unit: Unit): LineTable | undefined {
    const offset = unit.lineOffset;
    if (offset === undefined) return undefined;
    let table = this.lineTables.get(offset);
    if (table === undefined) {
      table = new LineTable(unit.main.file, offset, unit.main.header.addressSize);
      // Decoded rows take about eight times what their opcodes do.
      this.lineTables.set(offset, table, table.header.bytes.length * 10);
    }
    return table;
  }

  /** Ranges for a unit whose root DIE states none: those of its line table, or without one, of its functions. */
  private addUnstated(unit: Unit, table: RangeTable): void {
    const lines = this.lineTable(unit);
    if (lines) lines.sequences.copyInto(table, unit.header.offset);
    else new UnitLookup(unit, () => undefined).functions.copyInto(table, unit.header.offset);
  }
}
