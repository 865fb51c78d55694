/**
 * Hands the unwind tables of files to the eBPF program, and keeps its lists of mappings up to date, one for each process.
 *
 * A file's rows are written once, for all processes. A list of mappings has two halves: the one that is not in use is
 * written, then the program is switched over, so that it never sees half a list. The list holds for one address space:
 * when the process executes another program, the old list is void at once.
 */

import type { BpfMap, BpfObject } from "../bpf/libbpf.ts";
import { PF_X, PT_LOAD } from "../elf/constants.ts";
import type { Mapping } from "../process/maps.ts";
import type { LoadedModule } from "../process/modules.ts";
import type { UnwindTable } from "../unwind/index.ts";
import { FILE_KEY, MAX_MAPPINGS, UNWIND_FILE, UNWIND_MAPPING, UNWIND_STATE } from "./layout.ts";
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
  private readonly files: BpfMap;
  private readonly capacity: number;
  private readonly placed = new Map<string, Placed | undefined>();
  private used = 0;
  /** Of the lists: what the program found in one it remembers until there is another. */
  private generation = 0;
  /** By slot: which half is in use. */
  private readonly halves = new Map<number, number>();

  /** @param capacity entries of map `unwind_rows`. */
  constructor(object: BpfObject, capacity: number) {
    this.rows = object.map("unwind_rows");
    this.mappings = object.map("unwind_mappings");
    this.state = object.map("unwind_state");
    this.files = object.map("unwind_files");
    this.capacity = capacity;
  }

  /**
   * Makes the program use these modules' mappings.
   *
   * @param tables asked once for each file.
   * @param full told about each file whose rows found no room: stacks end in its code.
   */
  update(
    process: { pid: number; slot: number; space: number },
    modules: readonly LoadedModule[],
    tables: UnwindTables,
    full: (module: LoadedModule) => void,
  ): void {
    const entries: Entry[] = [];
    for (const module of modules) {
      const placed = this.place(process.pid, module, tables, full);
      if (!placed) continue;
      for (const mapping of module.mappings) {
        const bias = loadBias(module, mapping);
        if (bias === undefined) continue;
        entries.push({ start: mapping.start, end: mapping.end, bias: bias + BigInt(placed.base), placed });
      }
    }
    entries.sort((a, b) => (a.start < b.start ? -1 : 1));
    this.writeMappings(process, entries.slice(0, MAX_MAPPINGS));
  }

  /** Writes a file's rows, unless they are there already. */
  place(
    pid: number,
    module: LoadedModule,
    tables: UnwindTables,
    full: (module: LoadedModule) => void,
  ): Placed | undefined {
    const key = fileKey(module.mappings[0]);
    if (this.placed.has(key)) return this.placed.get(key);
    const table = tables.take(pid, module);
    const count = table?.starts.length ?? 0;
    const fits = this.used + count <= this.capacity;
    if (!fits) full(module);
    const placed = table && count > 0 && fits ? this.writeRows(table) : undefined;
    this.placed.set(key, placed);
    if (placed) this.announce(module, placed);
    return placed;
  }

  /** Lets the program find the rows of a file in mappings that are not in its lists yet. */
  private announce({ mappings, segments }: LoadedModule, placed: Placed): void {
    const code = segments.filter(({ type, flags }) => type === PT_LOAD && flags & PF_X);
    const biases = new Set(code.map(({ address, offset }) => address - offset));
    if (biases.size !== 1) return; // which of them holds depends on the offset: the lists know
    const [bias] = biases;
    const key = new DataView(new ArrayBuffer(FILE_KEY.size));
    const { deviceMajor, deviceMinor, inode } = mappings[0];
    key.setBigUint64(FILE_KEY.inode, inode, true);
    key.setUint32(FILE_KEY.device, deviceMajor * 2 ** 20 + deviceMinor, true);
    const value = new DataView(new ArrayBuffer(UNWIND_FILE.size));
    value.setBigInt64(UNWIND_FILE.offsetBias, BigInt(bias - placed.base), true);
    value.setUint32(UNWIND_FILE.firstRow, placed.firstRow, true);
    value.setUint32(UNWIND_FILE.rowCount, placed.rowCount, true);
    this.files.update(new Uint8Array(key.buffer), new Uint8Array(value.buffer));
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

  private writeMappings({ slot, space }: { slot: number; space: number }, entries: readonly Entry[]): void {
    const half = 1 - (this.halves.get(slot) ?? 1);
    this.halves.set(slot, half);
    const first = (2 * slot + half) * MAX_MAPPINGS;
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
    const state = new DataView(new ArrayBuffer(UNWIND_STATE.size));
    state.setUint32(UNWIND_STATE.firstMapping, first, true);
    state.setUint32(UNWIND_STATE.mappingCount, entries.length, true);
    state.setUint32(UNWIND_STATE.space, space, true);
    state.setUint32(UNWIND_STATE.generation, ++this.generation, true);
    this.state.update(new Uint8Array(Uint32Array.of(slot).buffer), new Uint8Array(state.buffer));
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
