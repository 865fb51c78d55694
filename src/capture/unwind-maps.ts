/**
 * Hands the unwind tables of a process's files to the eBPF program, and keeps its list of mappings up to date.
 *
 * A file's rows are written once. The list of mappings has two halves: the one that is not in use is written, then the
 * program is switched over, so that it never sees half a list.
 */

import type { BpfMap, BpfObject } from "../bpf/libbpf.ts";
import { PF_X, PT_LOAD } from "../elf/constants.ts";
import type { Mapping } from "../process/maps.ts";
import type { LoadedModule } from "../process/modules.ts";
import type { UnwindTable } from "../unwind/index.ts";
import { MAX_MAPPINGS, UNWIND_MAPPING } from "./layout.ts";
import { fileKey } from "./mapping-tracker.ts";
import type { UnwindTables } from "./unwind-tables.ts";

/** Rows a call of the kernel: it takes them one by one, so that larger batches save nothing. */
const BATCH = 8192;

/** A file's rows in map `unwind_rows`. */
type Placed = { firstRow: number; rowCount: number; base: number };

type Entry = { start: bigint; end: bigint; bias: bigint; placed: Placed };

export class UnwindMaps {
  private readonly rows: BpfMap;
  private readonly mappings: BpfMap;
  private readonly state: BpfMap;
  private readonly capacity: number;
  private readonly placed = new Map<string, Placed | undefined>();
  private used = 0;
  private half = 0;

  /** @param capacity entries of map `unwind_rows`. */
  constructor(object: BpfObject, capacity: number) {
    this.rows = object.map("unwind_rows");
    this.mappings = object.map("unwind_mappings");
    this.state = object.map("unwind_state");
    this.capacity = capacity;
  }

  /**
   * Makes the program use these modules' mappings.
   *
   * @param tables asked once for each file.
   * @param full told about each file whose rows found no room: stacks end in its code.
   */
  update(modules: readonly LoadedModule[], tables: UnwindTables, full: (module: LoadedModule) => void): void {
    const entries: Entry[] = [];
    for (const module of modules) {
      const placed = this.place(module, tables, full);
      if (!placed) continue;
      for (const mapping of module.mappings) {
        const bias = loadBias(module, mapping);
        if (bias === undefined) continue;
        entries.push({ start: mapping.start, end: mapping.end, bias: bias + BigInt(placed.base), placed });
      }
    }
    entries.sort((a, b) => (a.start < b.start ? -1 : 1));
    this.writeMappings(entries.slice(0, MAX_MAPPINGS));
  }

  private place(module: LoadedModule, tables: UnwindTables, full: (module: LoadedModule) => void): Placed | undefined {
    const key = fileKey(module.mappings[0]);
    if (this.placed.has(key)) return this.placed.get(key);
    const table = tables.take(module);
    const count = table?.starts.length ?? 0;
    const fits = this.used + count <= this.capacity;
    if (!fits) full(module);
    const placed = table && count > 0 && fits ? this.writeRows(table) : undefined;
    this.placed.set(key, placed);
    return placed;
  }

  private writeRows(table: UnwindTable): Placed {
    const count = table.starts.length;
    const keys = new Uint32Array(BATCH);
    const values = new Uint32Array(BATCH * 2);
    for (let from = 0; from < count; from += BATCH) {
      const size = Math.min(BATCH, count - from);
      for (let i = 0; i < size; i++) {
        keys[i] = this.used + from + i;
        values[i * 2] = table.starts[from + i];
        values[i * 2 + 1] = table.rules[from + i];
      }
      this.rows.updateBatch(new Uint8Array(keys.buffer), new Uint8Array(values.buffer), size);
    }
    const placed = { firstRow: this.used, rowCount: count, base: table.base };
    this.used += count;
    return placed;
  }

  private writeMappings(entries: readonly Entry[]): void {
    this.half = 1 - this.half;
    const first = this.half * MAX_MAPPINGS;
    const keys = Uint32Array.from(entries, (_, i) => first + i);
    const values = new DataView(new ArrayBuffer(entries.length * UNWIND_MAPPING.size));
    for (const [i, { start, end, bias, placed }] of entries.entries()) {
      const at = i * UNWIND_MAPPING.size;
      values.setBigUint64(at + UNWIND_MAPPING.start, start, true);
      values.setBigUint64(at + UNWIND_MAPPING.end, end, true);
      values.setBigUint64(at + UNWIND_MAPPING.bias, BigInt.asUintN(64, bias), true);
      values.setUint32(at + UNWIND_MAPPING.firstRow, placed.firstRow, true);
      values.setUint32(at + UNWIND_MAPPING.rowCount, placed.rowCount, true);
    }
    if (entries.length > 0) {
      this.mappings.updateBatch(new Uint8Array(keys.buffer), new Uint8Array(values.buffer), entries.length);
    }
    const state = Uint32Array.of(first, entries.length);
    this.state.update(new Uint8Array(4), new Uint8Array(state.buffer));
  }
}

/**
 * Absolute address less virtual address, in one mapping. The mapping begins at a page, the segment somewhere in that
 * page, so the segment is found by overlap.
 */
function loadBias({ segments }: LoadedModule, { start, end, offset }: Mapping): bigint | undefined {
  const fileEnd = offset + Number(end - start);
  const segment = segments.find(
    (s) => s.type === PT_LOAD && s.flags & PF_X && s.offset < fileEnd && s.offset + s.fileSize > offset,
  );
  return segment && start - BigInt(segment.address + offset - segment.offset);
}
