/**
 * Which functions are probed, and what the eBPF program is told about each.
 */

import type { UprobePlace } from "../bpf/libbpf.ts";
import type { AllocatorFunction } from "../process/allocators.ts";
import type { CallSignature } from "../process/call-signature.ts";
import type { StackClass } from "../recording/events.ts";
import { CALL } from "./layout.ts";

/** The number that stands for a signature (enum call of memleak.h). */
function callOf({ operation, size, count, old, out }: CallSignature): number | undefined {
  return CALLS.get(`${operation} ${size} ${count} ${old} ${out}`);
}

const CALLS = new Map([
  ["allocate 1 0 0 0", CALL.malloc],
  ["allocate 2 1 0 0", CALL.calloc],
  ["allocate 2 0 0 0", CALL.memalign],
  ["allocate 3 0 0 1", CALL.posixMemalign],
  ["allocate 2 0 1 0", CALL.realloc],
  ["allocate 3 2 1 0", CALL.reallocarray],
  ["free 0 0 1 0", CALL.free],
  ["map 2 0 0 0", CALL.mmap],
  ["map 3 0 1 0", CALL.mremap],
  ["unmap 2 0 1 0", CALL.munmap],
]);

export type ProbePlan = {
  /** In the order of attaching, frees first: a block must never enter the account before its free could be seen. */
  entries: UprobePlace[];
  /** Where a call's result is read. */
  returns: UprobePlace[];
};

/**
 * The probes for one library.
 *
 * @param functions what the library defines; each stands once, whatever aliases it has.
 * @param classes what is accounted.
 * @param distanceOf how far behind a function's entry its probe stands, bytes (probe-placement.ts).
 */
export function planProbes(
  functions: readonly AllocatorFunction[],
  classes: ReadonlySet<StackClass>,
  distanceOf: (code: AllocatorFunction) => number,
): ProbePlan {
  const releases: UprobePlace[] = [];
  const allocations: UprobePlace[] = [];
  for (const code of functions) {
    const { operation } = code.signature;
    const cookie = callOf(code.signature);
    const place: StackClass = operation === "map" || operation === "unmap" ? "mapping" : "heap";
    if (cookie === undefined || code.probes === "none" || !classes.has(place)) continue;
    const offset = code.fileOffset + distanceOf(code);
    (operation === "free" || operation === "unmap" ? releases : allocations).push({ offset, cookie });
  }
  return { entries: [...releases, ...allocations], returns: allocations };
}
