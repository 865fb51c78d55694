/**
 * Reads the account that the eBPF program keeps, as recording events: only what changed since the last reading, and
 * a stack's frames only the first time.
 */

import type { BpfMap, BpfObject } from "../bpf/libbpf.ts";
import type { Losses, StackEvent, StackTotals } from "../recording/events.ts";
import { noLosses } from "../recording/events.ts";
import { COUNTERS, readSigned, STACK, STACK_CLASSES, STACK_ENDS, STACK_TOTALS } from "./layout.ts";

export type AccountChange = {
  /** Stacks not seen before. */
  stacks: StackEvent[];
  totals: StackTotals[];
  losses: Losses;
};

const NOTHING = { bytes: 0, blocks: 0, allocatedBytes: 0, allocatedBlocks: 0 };

type Known = { space: number; reported: StackTotals };

export class AccountReader {
  private readonly pidOf: (space: number) => number;
  private readonly totals: BpfMap;
  private readonly frames: BpfMap;
  private readonly counters: BpfMap;
  /** By the kernel's stack id: what was last reported. */
  private readonly known = new Map<bigint, Known>();
  /** Address spaces that are gone: nothing is outstanding in them. */
  private readonly gone = new Set<number>();

  /** @param pidOf the process that an address space belongs to. */
  constructor(object: BpfObject, pidOf: (space: number) => number) {
    this.pidOf = pidOf;
    this.totals = object.map("totals");
    this.frames = object.map("frames");
    this.counters = object.map("counters");
  }

  /** What is outstanding in this address space is gone with it, from the next reading on. */
  closeSpace(space: number): void {
    this.gone.add(space);
  }

  /** Outstanding bytes and blocks of an address space, as last reported. */
  outstandingIn(space: number): { bytes: number; blocks: number } {
    let bytes = 0;
    let blocks = 0;
    for (const known of this.known.values()) {
      if (known.space !== space) continue;
      bytes += known.reported.bytes;
      blocks += known.reported.blocks;
    }
    return { bytes, blocks };
  }

  /** @param without new stacks of this address space wait for the next reading. */
  read(without = 0): AccountChange {
    const change: AccountChange = { stacks: [], totals: [], losses: this.readLosses() };
    this.totals.forEachBatch((keys, values, count) => {
      for (let i = 0; i < count; i++)
        this.compare(keys.getBigUint64(i * 8, true), values, i * this.totals.valueSize, change, without);
    });
    return change;
  }

  private compare(id: bigint, values: DataView, at: number, change: AccountChange, without: number): void {
    let known = this.known.get(id);
    const stack = known?.reported.stack ?? this.known.size + 1;
    const now = { stack, ...NOTHING };
    for (let copy = 0; copy < this.totals.copies; copy++) {
      const from = at + copy * STACK_TOTALS.size;
      now.bytes += readSigned(values, from + STACK_TOTALS.bytes);
      now.blocks += readSigned(values, from + STACK_TOTALS.blocks);
      now.allocatedBytes += readSigned(values, from + STACK_TOTALS.allocatedBytes);
      now.allocatedBlocks += readSigned(values, from + STACK_TOTALS.allocatedBlocks);
    }
    if (!known) {
      const { space, event } = this.readStack(id, stack);
      if (space === without) return;
      change.stacks.push(event);
      known = { space, reported: { stack, ...NOTHING } };
      this.known.set(id, known);
    }
    // CPUs are read one after the other: a block that is freed meanwhile may be missing before it was there.
    if (this.gone.has(known.space) || now.bytes < 0 || now.blocks < 0) {
      now.bytes = 0;
      now.blocks = 0;
    }
    if (sameTotals(known.reported, now)) return;
    known.reported = now;
    change.totals.push(now);
  }

  private readStack(id: bigint, stack: number): { space: number; event: StackEvent } {
    const key = new Uint8Array(8);
    new DataView(key.buffer).setBigUint64(0, id, true);
    const value = this.frames.lookup(key);
    // The program writes the frames before the totals, so a stack with totals has frames.
    const view = new DataView(value?.buffer ?? new ArrayBuffer(STACK.size));
    const depth = view.getUint32(STACK.depth, true);
    const space = view.getUint32(STACK.space, true);
    const event: StackEvent = {
      kind: "stack",
      stack,
      pid: this.pidOf(space),
      class: STACK_CLASSES[view.getUint32(STACK.class, true)],
      end: STACK_ENDS[view.getUint32(STACK.end, true)],
      addresses: Array.from({ length: depth }, (_, i) => view.getBigUint64(STACK.addresses + i * 8, true)),
      verified: view.getUint32(STACK.verified, true),
    };
    return { space, event };
  }

  private readLosses(): Losses {
    const losses = noLosses();
    for (const name of Object.keys(COUNTERS) as (keyof Losses)[]) {
      const value = this.counters.lookup(new Uint8Array(Uint32Array.of(COUNTERS[name]).buffer));
      if (!value) continue;
      const view = new DataView(value.buffer);
      for (let copy = 0; copy < this.counters.copies; copy++) losses[name] += readSigned(view, copy * 8);
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
