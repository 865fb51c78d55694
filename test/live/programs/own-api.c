/*
 * The functions that jemalloc, tcmalloc and mimalloc have besides malloc's family: compiled with -DJEMALLOC, -DTCMALLOC
 * or -DMIMALLOC and linked with that library. Their prototypes stand here, so that their headers are not needed.
 */
#include "ledger.h"
#include <stdint.h>
#include <stddef.h>

static void *volatile sink;
static size_t volatile huge = SIZE_MAX / 2;

/* A site that keeps a block of so many bytes, and gives another one back. */
#define KEEPS(site, bytes, keep, give_back) \
	SITE void site(void) { sink = keep; give_back; ledger(__func__, bytes, 1); }
/* A site that leaves nothing. */
#define LEAVES_NOTHING(site, code) \
	SITE void site(void) { code; ledger(__func__, 0, 0); }

#if defined(JEMALLOC)
void *mallocx(size_t, int), *rallocx(void *, size_t, int);
size_t xallocx(void *, size_t, size_t, int), nallocx(size_t, int), sallocx(const void *, int);
void dallocx(void *, int), sdallocx(void *, size_t, int);
static void *block;

KEEPS(site_mallocx, 111, mallocx(111, 0), dallocx(mallocx(5, 0), 0))
KEEPS(site_aligned, 112, mallocx(112, 8 /* 2^8 */), sdallocx(mallocx(5000, 8), 5000, 8))
KEEPS(site_crossed, 113, mallocx(113, 0), free(mallocx(5, 0)))
LEAVES_NOTHING(site_moved, block = mallocx(10, 0))
KEEPS(site_rallocx, 100000, rallocx(block, 100000, 0), (void)0)
LEAVES_NOTHING(site_asks, nallocx(100, 0); sallocx(sink, 0))
/* A block of 5 MB grows in place to 5 MB and some, or does not. */
LEAVES_NOTHING(site_fixed, block = mallocx(5000000, 0))
SITE void site_xallocx(void)
{
	size_t result = xallocx(block, 5000100, 0, 0);

	if (result >= 5000100) {
		ledger(__func__, 5000100, 1);
	} else {
		ledger(__func__, 0, 0);
		ledger("site_fixed", 5000000, 1);
	}
	/* Cannot become so large: nothing changes. */
	if (xallocx(block, huge, 0, 0) >= huge)
		abort();
}
static void run(void)
{
	site_mallocx(), site_aligned(), site_crossed(), site_moved(), site_rallocx(), site_asks(), site_fixed(), site_xallocx();
}
#elif defined(TCMALLOC)
void *tc_malloc(size_t), *tc_calloc(size_t, size_t), *tc_realloc(void *, size_t), *tc_memalign(size_t, size_t);
void *tc_valloc(size_t), *tc_new(size_t), *tc_newarray(size_t), *tc_new_nothrow(size_t, const void *);
void *tc_new_aligned(size_t, size_t), *tc_malloc_skip_new_handler(size_t);
int tc_posix_memalign(void **, size_t, size_t);
void tc_free(void *), tc_cfree(void *), tc_free_sized(void *, size_t), tc_delete(void *), tc_deletearray(void *);
void tc_delete_sized(void *, size_t), tc_delete_nothrow(void *, const void *), tc_delete_aligned(void *, size_t);
static void *block;
static void *posix(size_t size) { void *p; return tc_posix_memalign(&p, 64, size) ? NULL : p; }

KEEPS(site_malloc, 111, tc_malloc(111), tc_free(tc_malloc(5)))
KEEPS(site_calloc, 7 * 17, tc_calloc(7, 17), tc_cfree(tc_calloc(5, 5)))
KEEPS(site_memalign, 113, tc_memalign(64, 113), tc_free_sized(tc_malloc(50), 50))
KEEPS(site_posix, 114, posix(114), free(posix(3)))
KEEPS(site_valloc, 115, tc_valloc(115), tc_free(tc_valloc(3)))
KEEPS(site_new, 116, tc_new(116), tc_delete(tc_new(5)))
KEEPS(site_newarray, 117, tc_newarray(117), tc_deletearray(tc_newarray(5)))
KEEPS(site_nothrow, 118, tc_new_nothrow(118, NULL), tc_delete_nothrow(tc_new_nothrow(5, NULL), NULL))
KEEPS(site_aligned, 119, tc_new_aligned(119, 64), tc_delete_aligned(tc_new_aligned(5, 64), 64))
KEEPS(site_sized, 120, tc_malloc_skip_new_handler(120), tc_delete_sized(tc_new(50), 50))
LEAVES_NOTHING(site_moved, block = tc_malloc(10))
KEEPS(site_realloc, 100000, tc_realloc(block, 100000), (void)0)
LEAVES_NOTHING(site_failed, sink = tc_new_nothrow(huge, NULL))
static void run(void)
{
	site_malloc(), site_calloc(), site_memalign(), site_posix(), site_valloc(), site_new(), site_newarray();
	site_nothrow(), site_aligned(), site_sized(), site_moved(), site_realloc(), site_failed();
}
#elif defined(MIMALLOC)
#define GIVES void *
GIVES mi_malloc(size_t); GIVES mi_zalloc(size_t); GIVES mi_calloc(size_t, size_t); GIVES mi_mallocn(size_t, size_t);
GIVES mi_malloc_small(size_t); GIVES mi_zalloc_small(size_t); GIVES mi_realloc(void *, size_t);
GIVES mi_reallocn(void *, size_t, size_t); GIVES mi_reallocf(void *, size_t); GIVES mi_rezalloc(void *, size_t);
GIVES mi_recalloc(void *, size_t, size_t); GIVES mi_expand(void *, size_t); GIVES mi_strdup(const char *);
GIVES mi_malloc_aligned(size_t, size_t); GIVES mi_zalloc_aligned(size_t, size_t);
GIVES mi_malloc_aligned_at(size_t, size_t, size_t); GIVES mi_calloc_aligned(size_t, size_t, size_t);
GIVES mi_realloc_aligned(void *, size_t, size_t); GIVES mi_aligned_alloc(size_t, size_t); GIVES mi_valloc(size_t);
GIVES mi_new(size_t); GIVES mi_new_n(size_t, size_t); GIVES mi_new_aligned(size_t, size_t); GIVES mi_new_nothrow(size_t);
GIVES mi_new_realloc(void *, size_t); GIVES mi_new_reallocn(void *, size_t, size_t);
GIVES mi_heap_new(void); GIVES mi_heap_malloc(void *, size_t); GIVES mi_heap_zalloc(void *, size_t);
GIVES mi_heap_calloc(void *, size_t, size_t); GIVES mi_heap_malloc_small(void *, size_t);
GIVES mi_heap_realloc(void *, void *, size_t); GIVES mi_heap_recalloc(void *, void *, size_t, size_t);
GIVES mi_heap_malloc_aligned(void *, size_t, size_t); GIVES mi_heap_calloc_aligned(void *, size_t, size_t, size_t);
int mi_posix_memalign(void **, size_t, size_t), mi_reallocarr(void *, size_t, size_t);
void mi_free(void *), mi_free_size(void *, size_t), mi_free_aligned(void *, size_t);
void mi_free_size_aligned(void *, size_t, size_t), mi_cfree(void *);
static void *block, *heap;
static void *posix(size_t size) { void *p; return mi_posix_memalign(&p, 64, size) ? NULL : p; }

KEEPS(site_malloc, 111, mi_malloc(111), mi_free(mi_malloc(5)))
KEEPS(site_zalloc, 112, mi_zalloc(112), mi_free_size(mi_zalloc(5), 5))
KEEPS(site_calloc, 7 * 17, mi_calloc(7, 17), mi_cfree(mi_calloc(5, 5)))
KEEPS(site_mallocn, 7 * 18, mi_mallocn(7, 18), free(mi_mallocn(5, 5)))
KEEPS(site_small, 113, mi_malloc_small(113), mi_free(mi_zalloc_small(50)))
KEEPS(site_aligned, 114, mi_malloc_aligned(114, 64), mi_free_aligned(mi_zalloc_aligned(50, 64), 64))
KEEPS(site_aligned_at, 115, mi_malloc_aligned_at(115, 64, 8), mi_free_size_aligned(mi_malloc_aligned(50, 64), 50, 64))
KEEPS(site_calloc_aligned, 7 * 19, mi_calloc_aligned(7, 19, 64), mi_free(mi_aligned_alloc(64, 64)))
KEEPS(site_posix, 116, posix(116), mi_free(posix(3)))
KEEPS(site_valloc, 117, mi_valloc(117), mi_free(mi_valloc(5)))
KEEPS(site_new, 118, mi_new(118), mi_free(mi_new_nothrow(5)))
KEEPS(site_new_n, 7 * 20, mi_new_n(7, 20), mi_free(mi_new_aligned(5, 64)))
KEEPS(site_strdup, 0, mi_strdup("of unknown size"), mi_free(mi_strdup("x")))
LEAVES_NOTHING(site_first, block = mi_malloc(10))
LEAVES_NOTHING(site_realloc, block = mi_realloc(block, 1000))
LEAVES_NOTHING(site_reallocn, block = mi_reallocn(block, 10, 1000))
LEAVES_NOTHING(site_rezalloc, block = mi_rezalloc(block, 30000))
LEAVES_NOTHING(site_recalloc, block = mi_recalloc(block, 2, 30000))
LEAVES_NOTHING(site_new_realloc, block = mi_new_realloc(block, 100))
LEAVES_NOTHING(site_reallocarr, if (mi_reallocarr(&block, 10, 300)) abort())
LEAVES_NOTHING(site_realloc_aligned, block = mi_realloc_aligned(block, 10, 64))
/* The block is freed although it could not grow. */
LEAVES_NOTHING(site_reallocf_fails, if (mi_reallocf(mi_malloc(99), huge)) abort())
KEEPS(site_last, 500, mi_new_reallocn(block, 5, 100), (void)0)
/* 20 bytes grow in place to 21: the block's class has room. */
LEAVES_NOTHING(site_before_expand, block = mi_malloc(20))
SITE void site_expand(void)
{
	if (mi_expand(block, 21) != block)
		abort();
	if (mi_expand(block, huge)) /* fails: it stays as it is */
		abort();
	ledger(__func__, 21, 1);
}
KEEPS(site_heap_malloc, 121, mi_heap_malloc(heap, 121), mi_free(mi_heap_zalloc(heap, 5)))
KEEPS(site_heap_calloc, 7 * 22, mi_heap_calloc(heap, 7, 22), mi_free(mi_heap_malloc_small(heap, 5)))
KEEPS(site_heap_aligned, 7 * 23, mi_heap_calloc_aligned(heap, 7, 23, 64), mi_free(mi_heap_malloc_aligned(heap, 9, 64)))
LEAVES_NOTHING(site_heap_first, block = mi_heap_malloc(heap, 10))
LEAVES_NOTHING(site_heap_realloc, block = mi_heap_realloc(heap, block, 1000))
KEEPS(site_heap_last, 5000, mi_heap_recalloc(heap, block, 5, 1000), (void)0)
static void run(void)
{
	heap = mi_heap_new();
	site_malloc(), site_zalloc(), site_calloc(), site_mallocn(), site_small(), site_aligned(), site_aligned_at();
	site_calloc_aligned(), site_posix(), site_valloc(), site_new(), site_new_n(), site_strdup(), site_first();
	site_realloc(), site_reallocn(), site_rezalloc(), site_recalloc(), site_new_realloc(), site_reallocarr();
	site_realloc_aligned(), site_reallocf_fails(), site_last(), site_before_expand(), site_expand();
	site_heap_malloc(), site_heap_calloc(), site_heap_aligned(), site_heap_first(), site_heap_realloc(), site_heap_last();
}
#endif

int main(void)
{
	free(malloc(1)); /* the allocator has been set up */
	ledger_begin();
	run();
	ledger_end();
	return 0;
}
