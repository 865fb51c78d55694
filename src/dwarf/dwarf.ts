/**
 * The debug information of one file: from an address to frames.
 *
 * Nothing is read until something is asked. A lookup reads the index of units once, then only the unit that has the
 * address: its DIEs, its abbreviations, its line program.
 */

import { type VirtualAddress, virtualAddress } from "../base/address.ts";
import { answerChanges } from "./answer-changes.ts";
import type { AnswerColumns, Answers } from "./batch/answers.ts";
import { Batch } from "./batch/batch.ts";
import { type BatchPart, runShared } from "./batch/share.ts";
import { DebugFile } from "./debug-file.ts";
import type { Found } from "./frames.ts";
import type { Float64List } from "./growable.ts";
import type { DwarfInput } from "./input.ts";
import { UNIT_CACHE_BYTES } from "./limits.ts";
import {
  type DamagedEntry,
  type FunctionEntry,
  functionEntry,
  type LineProgramEntry,
  listFunctions,
  listLines,
  listUnits,
  type RowsAround,
  rowsAround,
  type UnitEntry,
} from "./listing.ts";
import { Lru } from "./lru.ts";
import type { RangeTable } from "./range-table.ts";
import { NOT_COVERED, reasonOf } from "./reason.ts";
import type { Unit } from "./unit.ts";
import { NO_UNIT, UnitIndex } from "./unit-index.ts";
import { UnitLookup } from "./unit-lookup.ts";

export class Dwarf {
  private readonly file: DebugFile;
  private readonly index: UnitIndex;
  private readonly lookups = new Lru<UnitLookup>(UNIT_CACHE_BYTES);

  constructor(input: DwarfInput) {
    this.file = new DebugFile(input);
    this.index = new UnitIndex(this.file, addUnstated);
  }

  /** Bytes of memory that it keeps for the next lookup, about. */
  get memory(): number {
    return this.lookups.total + this.file.memory + this.index.memory;
  }

  /**
   * The frames of the code at a virtual address of the file, innermost first. A caller's frame should be asked for with
   * its return address less one. Damage never throws: it is the `reason`.
   */
  find(address: VirtualAddress): Found {
    this.index.expect(Float64Array.of(address));
    return this.findCarefully(address);
  }

  private findCarefully(address: VirtualAddress): Found {
    let best: Found = { frames: [], reason: undefined };
    try {
      for (const offset of this.index.candidates(address)) {
        const found = this.findIn(offset, address);
        if (this.isFinal(found, offset, address)) return found;
        if (best.frames.length === 0 && (found.frames.length > 0 || found.reason !== undefined)) best = found;
      }
      if (best.frames.length > 0 || best.reason !== undefined) return best;
      return { frames: [], reason: this.notCovered(address) };
    } catch (error) {
      return { frames: best.frames, reason: reasonOf(error) };
    }
  }

  /** The reason of an address that no unit claims. */
  private notCovered(address: number): string {
    return this.index.reasonAt(address) ?? NOT_COVERED;
  }

  /**
   * Finds many addresses, unit by unit: each unit is then read once, though units of one link interleave.
   *
   * @returns one answer for each address, in the order given.
   */
  findAll(addresses: readonly VirtualAddress[]): Found[] {
    const units = addresses.map((address) => this.index.likeliest(address));
    const order = addresses.map((_, index) => index);
    order.sort((a, b) => units[a] - units[b] || addresses[a] - addresses[b]);
    const found: Found[] = new Array(addresses.length);
    for (const index of order) found[index] = this.find(addresses[index]);
    return found;
  }

  /**
   * As `findAll`, for batches of any size: with less of inlined calls, and with frames put together only when an address
   * is asked for.
   *
   * @param addresses ascending.
   * @param inlines with false, inlined calls are passed over: the one frame of an address is that of the function, at the
   *   innermost place. Where something is damaged, there may be all frames nevertheless.
   * @returns answers by index of the address.
   */
  answerAll(addresses: Float64Array, inlines = true): Answers {
    this.index.expect(addresses);
    const batch = new Batch(this.file, addresses, inlines, (index) =>
      this.findCarefully(virtualAddress(addresses[index])),
    );
    const units = addresses.map((address) => this.index.likeliest(address));
    for (let i = 0; i < units.length; i++)
      if (units[i] === NO_UNIT) batch.answers.setNothing(i, this.notCovered(addresses[i]));
    const { helper } = this.file.input;
    // Of a damaged section there is no directory, but nor has it any of the units.
    const directory = helper && units.some((unit) => unit >= 0) ? this.file.directory(".debug_info") : undefined;
    if (helper && directory) runShared(batch, addresses, units, (unit) => directory.sizeAbout(unit), helper);
    else batch.run(units);
    return batch.answers;
  }

  /** Resolves a part of the batch of another `Dwarf`, which opened the same file. */
  answerPart({ addresses, units, inlines }: BatchPart): AnswerColumns {
    const batch = new Batch(this.file, addresses, inlines, (index) => this.find(virtualAddress(addresses[index])));
    batch.run(units);
    return batch.answers.columns();
  }

  /** The DIE of the function that contains an address, undefined when there is none or it is damaged. */
  functionAt(address: VirtualAddress): FunctionEntry | undefined {
    return this.firstAnswer(address, (lookup) => {
      const hit = lookup.functions.find(address);
      return hit && functionEntry(lookup.unit, hit.die);
    });
  }

  /** The line row that holds for an address, with up to `context` rows of its sequence before and after it. */
  rowsAround(address: VirtualAddress, context: number): RowsAround | undefined {
    return this.firstAnswer(address, (lookup) => rowsAround(lookup.unit, address, context));
  }

  /** All units, in file order. */
  units(): Generator<UnitEntry | DamagedEntry> {
    return listUnits(this.file);
  }

  /** All functions that have code, in file order. */
  functions(): Generator<FunctionEntry | DamagedEntry> {
    return listFunctions(this.file);
  }

  /** All line programs, in file order. */
  lines(): Generator<LineProgramEntry | DamagedEntry> {
    return listLines(this.file);
  }

  /** As `answerChanges`. */
  answerChanges(): Float64List {
    return answerChanges(this.file);
  }

  private findIn(offset: number, address: number): Found {
    try {
      const lookup = this.lookup(offset);
      const found = lookup.find(address);
      this.lookups.set(offset, lookup, lookup.weight);
      return found;
    } catch (error) {
      return { frames: [], reason: reasonOf(error) };
    }
  }

  /** A row without a function is the last word only of a unit that really has the address, such as assembly. */
  private isFinal({ frames }: Found, offset: number, address: number): boolean {
    if (frames.length === 0) return false;
    return frames[0].function !== undefined || this.lookup(offset).covers(address);
  }

  private firstAnswer<T>(address: number, ask: (lookup: UnitLookup) => T | undefined): T | undefined {
    try {
      for (const offset of this.index.candidates(address)) {
        const answer = this.tryAsk(offset, ask);
        if (answer !== undefined) return answer;
      }
    } catch (error) {
      reasonOf(error); // without an index, nobody has an answer
    }
    return undefined;
  }

  private tryAsk<T>(offset: number, ask: (lookup: UnitLookup) => T | undefined): T | undefined {
    try {
      return ask(this.lookup(offset));
    } catch (error) {
      reasonOf(error); // a damaged unit has no answer, another may
      return undefined;
    }
  }

  private lookup(offset: number): UnitLookup {
    return this.lookups.get(offset) ?? new UnitLookup(this.file.unit(offset));
  }
}

/** Ranges for a unit whose root DIE states none: those of its line table, or without one, of its functions. */
function addUnstated(unit: Unit, table: RangeTable): void {
  const lines = unit.lineTable;
  if (lines) lines.sequences.copyInto(table, unit.header.offset);
  else new UnitLookup(unit).functions.copyInto(table, unit.header.offset);
}
