/**
 * Which functions are probed, with which program of `bpf/memleak.bpf.c`.
 *
 * The order of this table is the order of attaching. Frees come first: a block must never enter the account before
 * its free could be seen. Returns come before entries: a pending call must never wait for a return that has no probe.
 */

import type { StackClass } from "../recording/events.ts";

export type ProbedFunction = {
  /** Symbol in the allocator's library. */
  name: string;
  /** Program for its entry. */
  program: string;
  /** Whether the program `allocator_exit` is needed at its return. */
  returns: boolean;
  class: StackClass;
};

export const PROBED_FUNCTIONS: readonly ProbedFunction[] = [
  { name: "free", program: "free_enter", returns: false, class: "heap" },
  { name: "cfree", program: "free_enter", returns: false, class: "heap" },
  { name: "munmap", program: "munmap_enter", returns: false, class: "mapping" },
  { name: "malloc", program: "malloc_enter", returns: true, class: "heap" },
  { name: "calloc", program: "calloc_enter", returns: true, class: "heap" },
  { name: "realloc", program: "realloc_enter", returns: true, class: "heap" },
  { name: "reallocarray", program: "reallocarray_enter", returns: true, class: "heap" },
  { name: "posix_memalign", program: "posix_memalign_enter", returns: true, class: "heap" },
  { name: "aligned_alloc", program: "memalign_enter", returns: true, class: "heap" },
  { name: "memalign", program: "memalign_enter", returns: true, class: "heap" },
  { name: "valloc", program: "malloc_enter", returns: true, class: "heap" },
  { name: "pvalloc", program: "malloc_enter", returns: true, class: "heap" },
  { name: "mmap", program: "mmap_enter", returns: true, class: "mapping" },
  { name: "mmap64", program: "mmap_enter", returns: true, class: "mapping" },
  { name: "mremap", program: "mremap_enter", returns: true, class: "mapping" },
];

/** The program for every return. */
export const EXIT_PROGRAM = "allocator_exit";

/** A place for a probe: a program at a file offset. */
export type Probe = { function: string; program: string; offset: number; atReturn: boolean };

/**
 * The probes for one library, in the order of attaching.
 *
 * @param offsets file offset of each function that the library defines. Two names of one function (`mmap` and
 *   `mmap64`) get one probe: two would count the call twice.
 */
export function planProbes(offsets: ReadonlyMap<string, number>, classes: ReadonlySet<StackClass>): Probe[] {
  const releases: Probe[] = [];
  const exits: Probe[] = [];
  const entries: Probe[] = [];
  const taken = new Set<number>();
  for (const { name, program, returns, class: stackClass } of PROBED_FUNCTIONS) {
    const offset = offsets.get(name);
    if (offset === undefined || taken.has(offset) || !classes.has(stackClass)) continue;
    taken.add(offset);
    (returns ? entries : releases).push({ function: name, program, offset, atReturn: false });
    if (returns) exits.push({ function: name, program: EXIT_PROGRAM, offset, atReturn: true });
  }
  return [...releases, ...exits, ...entries];
}
