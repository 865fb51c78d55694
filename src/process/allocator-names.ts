/**
 * The functions that hand out and take back memory, and the symbols that tell whose they are.
 *
 * `operator new` and `delete` are here because jemalloc, tcmalloc and mimalloc implement them without calling malloc.
 * Functions that always go through malloc (strdup, getline) need no probe of their own.
 */

/** By C name; a probe knows from it what the arguments and the result mean. */
export const ALLOCATOR_FUNCTIONS = [
  // C 23 §7.24.4 and POSIX.
  "malloc",
  "calloc",
  "realloc",
  "free",
  "aligned_alloc",
  "free_sized",
  "free_aligned_sized",
  "posix_memalign",
  // malloc(3) and older relatives.
  "reallocarray",
  "memalign",
  "valloc",
  "pvalloc",
  "cfree",
  // mmap(2).
  "mmap",
  "mmap64",
  "munmap",
  "mremap",
  // operator new, new[] (C++ 20 §17.6.3; names by the Itanium C++ ABI, for size_t of 64 and of 32 bits):
  ...["_Znwm", "_Znam", "_Znwj", "_Znaj"].flatMap((name) => [
    name,
    `${name}RKSt9nothrow_t`,
    `${name}St11align_val_t`,
    `${name}St11align_val_tRKSt9nothrow_t`,
  ]),
  // operator delete, delete[]:
  ...["_ZdlPv", "_ZdaPv"].flatMap((name) => [
    name,
    `${name}m`,
    `${name}j`,
    `${name}RKSt9nothrow_t`,
    `${name}St11align_val_t`,
    `${name}mSt11align_val_t`,
    `${name}jSt11align_val_t`,
    `${name}St11align_val_tRKSt9nothrow_t`,
  ]),
] as readonly string[];

/** What allocators put before these names when they are linked in beside the C library's (Rust: `_rjem_`). */
export const PREFIX = /^(?:_rjem_|je_|tc_|mi_)/;

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
