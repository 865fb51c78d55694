/**
 * Which functions are probed, and what the eBPF program is told about each.
 */

import type { UprobePlace } from "../bpf/libbpf.ts";
import type { AllocatorFunction } from "../process/allocators.ts";
import type { CallSignature } from "../process/call-signature.ts";
import type { StackClass } from "../recording/events.ts";
import { COOKIE_SHIFT, OPERATION } from "./layout.ts";

export type ProbePlan = {
  /** Attached first: a block must never enter the account before its free could be seen. Their returns say nothing. */
  releases: UprobePlace[];
  /** Both the entry and the return are of interest. */
  calls: UprobePlace[];
};

/** Where in a function its probe stands. */
export type ProbePosition = {
  /** How far behind the function's entry, bytes (probe-placement.ts). */
  readonly distance: number;
  /** Bytes of code from there on, of a function that keeps its frame (keeps-frame.ts) and is never unmapped; else 0. */
  readonly framed: number;
};

/**
 * The probes for one library.
 *
 * @param functions what the library defines; each stands once, whatever aliases it has.
 * @param slot of the process.
 * @param classes what is accounted.
 */
export function planProbes(
  functions: readonly AllocatorFunction[],
  slot: number,
  classes: ReadonlySet<StackClass>,
  positionOf: (code: AllocatorFunction) => ProbePosition,
): ProbePlan {
  const plan: ProbePlan = { releases: [], calls: [] };
  for (const code of functions) {
    if (code.probes === "none" || !classes.has(classOf(code.signature))) continue;
    const { distance, framed } = positionOf(code);
    const place = { offset: code.fileOffset + distance, cookie: encodeCookie(code.signature, slot, framed) };
    (code.probes === "entry" ? plan.releases : plan.calls).push(place);
  }
  return plan;
}

function classOf({ operation }: CallSignature): StackClass {
  return operation === "map" || operation === "unmap" ? "mapping" : "heap";
}

/** The signature, the process's slot, and `ProbePosition.framed` in 64 bits, as memleak.h lays them out. */
export function encodeCookie(signature: CallSignature, slot: number, framed = 0): bigint {
  const isFramed = framed > 0 && isPlainAllocation(signature);
  const values = { ...signature, slot, bytes: isFramed ? framed : signature.bytes };
  const fields = Object.keys(COOKIE_SHIFT) as (keyof typeof COOKIE_SHIFT)[];
  const low = fields.reduce((cookie, field) => cookie | (BigInt(values[field]) << BigInt(COOKIE_SHIFT[field])), 0n);
  return low | BigInt(OPERATION[isFramed ? "allocateFramed" : signature.operation]);
}

/** It only allocates: when the block is no sample, nothing of the call is of interest. */
function isPlainAllocation({ operation, old, out, bytes }: CallSignature): boolean {
  return operation === "allocate" && old === 0 && out === 0 && bytes === 0;
}
