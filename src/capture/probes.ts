/**
 * Which functions are probed, and what the eBPF program is told about each.
 */

import type { UprobePlace } from "../bpf/libbpf.ts";
import type { AllocatorFunction } from "../process/allocators.ts";
import type { StackClass } from "../recording/events.ts";
import { CALL } from "./layout.ts";

type Treatment = {
  /** What the program does with the arguments: enum call of memleak.h. */
  call: number;
  class: StackClass;
};

const TREATMENTS: { readonly [name: string]: Treatment } = {
  free: { call: CALL.free, class: "heap" },
  cfree: { call: CALL.free, class: "heap" },
  free_sized: { call: CALL.free, class: "heap" },
  free_aligned_sized: { call: CALL.free, class: "heap" },
  malloc: { call: CALL.malloc, class: "heap" },
  valloc: { call: CALL.malloc, class: "heap" },
  pvalloc: { call: CALL.malloc, class: "heap" },
  calloc: { call: CALL.calloc, class: "heap" },
  aligned_alloc: { call: CALL.memalign, class: "heap" },
  memalign: { call: CALL.memalign, class: "heap" },
  posix_memalign: { call: CALL.posixMemalign, class: "heap" },
  realloc: { call: CALL.realloc, class: "heap" },
  reallocarray: { call: CALL.reallocarray, class: "heap" },
  munmap: { call: CALL.munmap, class: "mapping" },
  mmap: { call: CALL.mmap, class: "mapping" },
  mmap64: { call: CALL.mmap, class: "mapping" },
  mremap: { call: CALL.mremap, class: "mapping" },
};

/** All forms of `operator new` take the size first, all of `operator delete` the block (Itanium C++ ABI, mangling). */
const OPERATOR_NEW = /^_Zn[wa]/;
const OPERATOR_DELETE = /^_Zd[la]/;

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
  const definesMalloc = functions.some(({ name }) => name === "malloc");
  for (const code of functions) {
    const treatment = treatmentOf(code.name, definesMalloc);
    if (!treatment || !classes.has(treatment.class)) continue;
    const { call: cookie } = treatment;
    const offset = code.fileOffset + distanceOf(code);
    (cookie === CALL.free || cookie === CALL.munmap ? releases : allocations).push({ offset, cookie });
  }
  return { entries: [...releases, ...allocations], returns: allocations };
}

/**
 * `operator new` is probed wherever it is: counted as the outermost call, its stack begins at the C++ caller.
 * `operator delete` only where it belongs to an allocator; that of the C++ library is followed by the free that it calls.
 */
function treatmentOf(name: string, definesMalloc: boolean): Treatment | undefined {
  if (OPERATOR_NEW.test(name)) return TREATMENTS.malloc;
  if (OPERATOR_DELETE.test(name)) return definesMalloc ? TREATMENTS.free : undefined;
  return TREATMENTS[name];
}
