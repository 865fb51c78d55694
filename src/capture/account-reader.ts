/**
 * Reads the account that the eBPF program keeps, as recording events: only what changed since the last reading, and
 * a stack's frames only the first time.
 */

import type { BpfMap, BpfObject } from "../bpf/libbpf.ts";
import type { Losses, StackEvent, StackTotals } from "../recording/events.ts";
import { noLosses } from "../recording/events.ts";
import { COUNTERS, readCounter, STACK, STACK_CLASSES, STACK_ENDS, STACK_TOTALS } from "./layout.ts";

export type AccountChange = {
  /** Stacks not seen before. */
  stacks: StackEvent[];
  totals: StackTotals[];
  losses: Losses;
};

export class AccountReader {
  private readonly pid: number;
  private readonly totals: BpfMap;
  private readonly frames: BpfMap;
  private readonly counters: BpfMap;
  /** By the kernel's stack id: what was last reported. */
  private readonly known = new Map<bigint, StackTotals>();

  constructor(pid: number, object: BpfObject) {
    this.pid = pid;
    this.totals = object.map("totals");
    this.frames = object.map("frames");
    this.counters = object.map("counters");
  }

  read(): AccountChange {
    const change: AccountChange = { stacks: [], totals: [], losses: this.readLosses() };
    this.totals.forEachBatch((keys, values, count) => {
      for (let i = 0; i < count; i++)
        this.compare(keys.getBigUint64(i * 8, true), values, i * STACK_TOTALS.size, change);
    });
    return change;
  }

  private compare(id: bigint, values: DataView, at: number, change: AccountChange): void {
    const before = this.known.get(id);
    const now: StackTotals = {
      stack: before?.stack ?? this.known.size + 1,
      bytes: readCounter(values, at + STACK_TOTALS.bytes),
      blocks: readCounter(values, at + STACK_TOTALS.blocks),
      allocatedBytes: readCounter(values, at + STACK_TOTALS.allocatedBytes),
      allocatedBlocks: readCounter(values, at + STACK_TOTALS.allocatedBlocks),
    };
    if (before && sameTotals(before, now)) return;
    if (!before) change.stacks.push(this.readStack(id, now.stack));
    this.known.set(id, now);
    change.totals.push(now);
  }

  private readStack(id: bigint, stack: number): StackEvent {
    const key = new Uint8Array(8);
    new DataView(key.buffer).setBigUint64(0, id, true);
    const value = this.frames.lookup(key);
    // The program writes the frames before the totals, so a stack with totals has frames.
    const view = new DataView(value?.buffer ?? new ArrayBuffer(STACK.size));
    const depth = view.getUint32(STACK.depth, true);
    return {
      kind: "stack",
      stack,
      pid: this.pid,
      class: STACK_CLASSES[view.getUint32(STACK.class, true)],
      end: STACK_ENDS[view.getUint32(STACK.end, true)],
      addresses: Array.from({ length: depth }, (_, i) => view.getBigUint64(STACK.addresses + i * 8, true)),
    };
  }

  private readLosses(): Losses {
    const losses = noLosses();
    for (const name of Object.keys(COUNTERS) as (keyof Losses)[]) {
      const key = new Uint8Array(new Uint32Array([COUNTERS[name]]).buffer);
      const value = this.counters.lookup(key);
      if (value) losses[name] = readCounter(new DataView(value.buffer), 0);
    }
    return losses;
  }
}

function sameTotals(a: StackTotals, b: StackTotals): boolean {
  return (
    a.bytes === b.bytes &&
    a.blocks === b.blocks &&
    a.allocatedBytes === b.allocatedBytes &&
    a.allocatedBlocks === b.allocatedBlocks
  );
}
