/**
 * The functions that hand out and take back memory: their names, what their arguments mean, and the symbols that tell
 * whose they are.
 *
 * A table of names, since names are all that a stripped library has. What is *not* in it, on purpose:
 *
 * - Functions that always go through one of these (strdup, getline; Rust's `__rdl_alloc`, which calls malloc;
 *   mimalloc's reallocarr, `mi_cfree`, `_aligned_malloc` and dupenv).
 * - Functions that allocate nothing: nallocx and sallocx tell a size, malloc_usable_size as well.
 * - Functions that take back many blocks at once (mi_heap_destroy, jemalloc's arena.i.reset): their blocks stay in the
 *   account until their addresses are handed out again.
 */

import { allocates, type CallSignature, frees, maps, resizes, unmaps } from "./call-signature.ts";

type Signatures = readonly (readonly [name: string, signature: CallSignature])[];

const MALLOC = allocates({ size: 1 });
const SECOND = allocates({ size: 2 });
const CALLOC = allocates({ count: 1, size: 2 });
const REALLOC = allocates({ old: 1, size: 2 });
const REALLOCARRAY = allocates({ old: 1, count: 2, size: 3 });
const POSIX_MEMALIGN = allocates({ out: 1, size: 3 });
const FREE = frees(1);

/** C 23 §7.24.4, POSIX, malloc(3), and their older relatives. */
const C: Signatures = [
  ["malloc", MALLOC],
  ["calloc", CALLOC],
  ["realloc", REALLOC],
  ["free", FREE],
  ["aligned_alloc", SECOND],
  ["free_sized", FREE],
  ["free_aligned_sized", FREE],
  ["posix_memalign", POSIX_MEMALIGN],
  ["reallocarray", REALLOCARRAY],
  ["reallocf", REALLOC],
  ["memalign", SECOND],
  ["valloc", MALLOC],
  ["pvalloc", MALLOC],
  ["cfree", FREE],
  ["vfree", FREE],
];

/** glibc's second names, which it exports for programs that wrap malloc; musl has some in static programs. */
const LIBC: Signatures = [
  ["__libc_malloc", MALLOC],
  ["__libc_calloc", CALLOC],
  ["__libc_realloc", REALLOC],
  ["__libc_free", FREE],
  ["__libc_cfree", FREE],
  ["__libc_memalign", SECOND],
  ["__libc_valloc", MALLOC],
  ["__libc_pvalloc", MALLOC],
  ["__libc_reallocarray", REALLOCARRAY],
  ["__posix_memalign", POSIX_MEMALIGN],
  ["__libc_malloc_impl", MALLOC],
];

/** mmap(2). */
const MAPPINGS: Signatures = [
  ["mmap", maps({ size: 2 })],
  ["mmap64", maps({ size: 2 })],
  ["munmap", unmaps(1, 2)],
  ["mremap", maps({ old: 1, size: 3 })],
];

/**
 * `operator new` and `delete` (C++ 20 §17.6.3; names by the Itanium C++ ABI, for size_t of 64 and of 32 bits).
 * jemalloc, tcmalloc and mimalloc implement them without calling malloc. The first argument is the size, or the block.
 */
const CXX: Signatures = [
  ...["_Znwm", "_Znam", "_Znwj", "_Znaj"]
    .flatMap((name) => [
      name,
      `${name}RKSt9nothrow_t`,
      `${name}St11align_val_t`,
      `${name}St11align_val_tRKSt9nothrow_t`,
    ])
    .map((name) => [name, MALLOC] as const),
  ...["_ZdlPv", "_ZdaPv"]
    .flatMap((name) => [
      name,
      `${name}m`,
      `${name}j`,
      `${name}RKSt9nothrow_t`,
      `${name}St11align_val_t`,
      `${name}mSt11align_val_t`,
      `${name}jSt11align_val_t`,
      `${name}St11align_val_tRKSt9nothrow_t`,
    ])
    .map((name) => [name, FREE] as const),
];

/** jemalloc(3), "Non-standard API". */
const JEMALLOC: Signatures = [
  ["mallocx", MALLOC],
  ["rallocx", REALLOC],
  ["xallocx", resizes(1, 2)],
  ["dallocx", FREE],
  ["sdallocx", FREE],
];

/** gperftools/tcmalloc.h; the C functions have their usual names behind `tc_`. */
const TCMALLOC: Signatures = [
  ["malloc_skip_new_handler", MALLOC],
  ["new", MALLOC],
  ["new_nothrow", MALLOC],
  ["newarray", MALLOC],
  ["newarray_nothrow", MALLOC],
  ["new_aligned", MALLOC],
  ["new_aligned_nothrow", MALLOC],
  ["newarray_aligned", MALLOC],
  ["newarray_aligned_nothrow", MALLOC],
  ...["delete", "deletearray"].flatMap((name) =>
    ["", "_sized", "_nothrow", "_aligned", "_sized_aligned", "_aligned_nothrow"].map(
      (form) => [`${name}${form}`, FREE] as const,
    ),
  ),
];

/** mimalloc.h: what exists also for a heap, which is then the first argument. */
const MIMALLOC_HEAP: Signatures = [
  ["malloc", MALLOC],
  ["zalloc", MALLOC],
  ["malloc_small", MALLOC],
  ["zalloc_small", MALLOC],
  ["mallocn", CALLOC],
  ["calloc", CALLOC],
  ["realloc", REALLOC],
  ["reallocf", REALLOC],
  ["reallocn", REALLOCARRAY],
  ["rezalloc", REALLOC],
  ["recalloc", REALLOCARRAY],
  ...["_aligned", "_aligned_at"].flatMap((form) => [
    [`malloc${form}`, MALLOC] as const,
    [`zalloc${form}`, MALLOC] as const,
    [`calloc${form}`, CALLOC] as const,
    [`realloc${form}`, REALLOC] as const,
    [`rezalloc${form}`, REALLOC] as const,
    [`recalloc${form}`, REALLOCARRAY] as const,
  ]),
  ["alloc_new", MALLOC],
  ["alloc_new_n", CALLOC],
];

/** mimalloc.h: what exists without a heap only. mi_expand gives the block itself, or NULL when it cannot grow. */
const MIMALLOC: Signatures = [
  ["expand", REALLOC],
  ["free_size", FREE],
  ["free_aligned", FREE],
  ["free_size_aligned", FREE],
  ["new", MALLOC],
  ["new_n", CALLOC],
  ["new_nothrow", MALLOC],
  ["new_aligned", MALLOC],
  ["new_aligned_nothrow", MALLOC],
  ["new_realloc", REALLOC],
  ["new_reallocn", REALLOCARRAY],
];

/**
 * mimalloc's copies of strings have no argument with a size, and inline their allocation: they are in the account with
 * no bytes. The second form is that of a heap.
 */
const MIMALLOC_STRINGS = ["strdup", "strndup"].flatMap((name) => [`mi_${name}`, `mi_heap_${name}`]);

const ALL: Signatures = [
  ...C,
  ...LIBC,
  ...MAPPINGS,
  ...CXX,
  ...JEMALLOC,
  // Linked in beside the C library's, jemalloc has a prefix: this one, or Rust's.
  ...["je_", "_rjem_"].flatMap((prefix) => withPrefix(prefix, [...C, ...JEMALLOC])),
  ...withPrefix("tc_", [...C, ...TCMALLOC]),
  ...withPrefix("mi_", [...C.filter(([name]) => name !== "cfree"), ...MIMALLOC_HEAP, ...MIMALLOC]),
  ...withPrefix(
    "mi_heap_",
    MIMALLOC_HEAP.map(([name, signature]) => [name, behindHeap(signature)] as const),
  ),
  ...MIMALLOC_STRINGS.map((name) => [name, allocates({})] as const),
];

function withPrefix(prefix: string, signatures: Signatures): Signatures {
  return signatures.map(([name, signature]) => [prefix + name, signature]);
}

/** The same function with one more argument before all others. */
function behindHeap(signature: CallSignature): CallSignature {
  const behind = (argument: number): number => (argument === 0 ? 0 : argument + 1);
  const { size, count, old } = signature;
  return { ...signature, size: behind(size), count: behind(count), old: behind(old) };
}

/** By symbol, in the order in which they are listed. */
export const ALLOCATOR_SIGNATURES: ReadonlyMap<string, CallSignature> = new Map(ALL);

/**
 * Names that only an allocator has: a library's `.symtab` may hold them as local symbols, when it has an allocator linked
 * in that it does not export. A local `malloc` may be anything.
 */
export const UNMISTAKABLE = /^(?:_rjem_|je_|tc_|mi_)/;

/** `operator new` and `delete`, mangled: they may be an allocator's own, or call malloc and free. */
export const OPERATOR = /^_Z(?:n[wa]|d[la])/;

/** What a file that defines allocator functions is. */
export type AllocatorFamily = "jemalloc" | "tcmalloc" | "mimalloc" | "sanitizer" | "glibc" | "musl" | "other";

/** A defined symbol that only this family has; the first that is found decides, since some imitate glibc's. */
export const FAMILY_MARKS: readonly (readonly [symbol: string, family: AllocatorFamily])[] = [
  ["mallctl", "jemalloc"],
  ["je_mallctl", "jemalloc"],
  ["_rjem_mallctl", "jemalloc"],
  ["tc_malloc", "tcmalloc"],
  ["mi_malloc", "mimalloc"],
  ["__asan_init", "sanitizer"],
  ["__hwasan_init", "sanitizer"],
  ["__msan_init", "sanitizer"],
  ["__tsan_init", "sanitizer"],
  ["gnu_get_libc_version", "glibc"],
  ["__libc_memalign", "glibc"],
  ["__dls3", "musl"],
  ["__libc_malloc_impl", "musl"],
];

/** The order in which the dynamic linker finds them: what is preloaded or linked to replace malloc precedes the C library. */
export const FAMILY_ORDER: readonly AllocatorFamily[] = [
  "sanitizer",
  "jemalloc",
  "tcmalloc",
  "mimalloc",
  "other",
  "glibc",
  "musl",
];
