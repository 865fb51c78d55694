/**
 * Which functions are probed, with which program of `bpf/memleak.bpf.c`.
 */

import type { AllocatorFunction } from "../process/allocators.ts";
import type { StackClass } from "../recording/events.ts";

type Treatment = {
  /** Program for the entry. */
  program: string;
  /** Whether `allocator_exit` is needed at the return. */
  returns: boolean;
  class: StackClass;
};

const heap = (program: string): Treatment => ({ program, returns: true, class: "heap" });
const mapping = (program: string): Treatment => ({ program, returns: true, class: "mapping" });

const TREATMENTS: { readonly [name: string]: Treatment } = {
  malloc: heap("malloc_enter"),
  calloc: heap("calloc_enter"),
  realloc: heap("realloc_enter"),
  reallocarray: heap("reallocarray_enter"),
  posix_memalign: heap("posix_memalign_enter"),
  aligned_alloc: heap("memalign_enter"),
  memalign: heap("memalign_enter"),
  valloc: heap("malloc_enter"),
  pvalloc: heap("malloc_enter"),
  free: { program: "free_enter", returns: false, class: "heap" },
  cfree: { program: "free_enter", returns: false, class: "heap" },
  free_sized: { program: "free_enter", returns: false, class: "heap" },
  free_aligned_sized: { program: "free_enter", returns: false, class: "heap" },
  mmap: mapping("mmap_enter"),
  mmap64: mapping("mmap_enter"),
  mremap: mapping("mremap_enter"),
  munmap: { program: "munmap_enter", returns: false, class: "mapping" },
};

/** Every form of `operator new` takes the size first, and every form of `operator delete` the block (Itanium C++ ABI names). */
const OPERATOR_NEW = /^_Zn[wa]/;
const OPERATOR_DELETE = /^_Zd[la]/;

const EXIT_PROGRAM = "allocator_exit";

/** A place for a probe: a program at a file offset. */
export type Probe = { function: string; program: string; offset: number; atReturn: boolean };

/**
 * The probes for one library, in the order in which they must be attached. Frees come first: a block must never enter
 * the account before its free could be seen. Returns come before entries: a pending call must never wait for a return
 * that has no probe.
 *
 * @param functions what the library defines; each stands once, whatever aliases it has.
 */
export function planProbes(functions: readonly AllocatorFunction[], classes: ReadonlySet<StackClass>): Probe[] {
  const releases: Probe[] = [];
  const exits: Probe[] = [];
  const entries: Probe[] = [];
  const definesMalloc = functions.some(({ name }) => name === "malloc");
  for (const { name, fileOffset: offset } of functions) {
    const treatment = treatmentOf(name, definesMalloc);
    if (!treatment || !classes.has(treatment.class)) continue;
    const { program, returns } = treatment;
    (returns ? entries : releases).push({ function: name, program, offset, atReturn: false });
    if (returns) exits.push({ function: name, program: EXIT_PROGRAM, offset, atReturn: true });
  }
  return [...releases, ...exits, ...entries];
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
