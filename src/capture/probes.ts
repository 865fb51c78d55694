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

/**
 * The probes for one library.
 *
 * @param functions what the library defines; each stands once, whatever aliases it has.
 * @param slot of the process.
 * @param classes what is accounted.
 * @param distanceOf how far behind a function's entry its probe stands, bytes (probe-placement.ts).
 */
export function planProbes(
  functions: readonly AllocatorFunction[],
  slot: number,
  classes: ReadonlySet<StackClass>,
  distanceOf: (code: AllocatorFunction) => number,
): ProbePlan {
  const plan: ProbePlan = { releases: [], calls: [] };
  for (const code of functions) {
    if (code.probes === "none" || !classes.has(classOf(code.signature))) continue;
    const place = { offset: code.fileOffset + distanceOf(code), cookie: encodeCookie(code.signature, slot) };
    (code.probes === "entry" ? plan.releases : plan.calls).push(place);
  }
  return plan;
}

function classOf({ operation }: CallSignature): StackClass {
  return operation === "map" || operation === "unmap" ? "mapping" : "heap";
}

/** The signature and the process's slot in 64 bits, as memleak.h lays them out. */
export function encodeCookie(signature: CallSignature, slot: number): bigint {
  const low = Object.entries(COOKIE_SHIFT).reduce((cookie, [field, shift]) => {
    const value = field === "slot" ? slot : signature[field as Exclude<keyof typeof COOKIE_SHIFT, "slot">];
    return cookie | (BigInt(value) << BigInt(shift));
  }, 0n);
  return low | BigInt(OPERATION[signature.operation]);
}
