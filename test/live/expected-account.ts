/** What programs/account.c leaves outstanding, by its functions: bytes and blocks. */

const PAGE = 4096;

export const EXPECTED_ACCOUNT: { readonly [symbol: string]: readonly [bytes: number, blocks: number] } = {
  leak_malloc: [101, 1],
  leak_calloc: [77, 1],
  leak_reallocarray: [123, 1],
  leak_posix_memalign: [513, 1],
  leak_aligned_alloc: [640, 1],
  leak_memalign: [77, 1],
  leak_valloc: [5000, 1],
  leak_pvalloc: [6000, 1],
  leak_zero: [0, 1],
  leak_large: [8 << 20, 1],
  no_leak_malloc: [0, 0],
  no_leak_large: [0, 0],
  no_leak_failed: [0, 0],
  realloc_first: [0, 0],
  realloc_grows: [0, 0],
  realloc_shrinks: [300, 1],
  realloc_fails: [0, 0],
  realloc_to_nothing: [0, 0],
  map_leak: [3 * PAGE, 1],
  map_no_leak: [0, 0],
  map_first_pages_unmapped: [5 * PAGE, 1],
  map_to_move: [0, 0],
  map_moved: [64 * PAGE, 1],
};
