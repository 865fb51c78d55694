/*
 * One function per way to allocate, each called once; what each must leave outstanding stands beside it and is checked
 * by account.test.ts. Waits for a line on stdin before and after.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define KEEP __attribute__((noinline)) static

static void *volatile sink;

/* Allocated before the attach, freed after it. */
static void *early;

KEEP void leak_malloc(void) { sink = malloc(101); }
KEEP void leak_calloc(void) { sink = calloc(7, 11); }
KEEP void leak_reallocarray(void) { sink = reallocarray(NULL, 3, 41); }
KEEP void leak_posix_memalign(void)
{
	void *p;

	if (posix_memalign(&p, 256, 513))
		abort();
	sink = p;
}
KEEP void leak_aligned_alloc(void) { sink = aligned_alloc(64, 640); }
KEEP void leak_memalign(void) { sink = memalign(64, 77); }
KEEP void leak_valloc(void) { sink = valloc(5000); }
KEEP void leak_pvalloc(void) { sink = pvalloc(6000); }
KEEP void leak_zero(void) { sink = malloc(0); }
KEEP void leak_strdup(void) { sink = strdup("twelve bytes"); } /* 13 */
/* Large: malloc calls mmap inside. Counted once. */
KEEP void leak_large(void) { sink = malloc(8 << 20); }

KEEP void no_leak_malloc(void) { free(malloc(99)); }
KEEP void no_leak_large(void) { free(malloc(9 << 20)); }
KEEP void no_leak_failed(void)
{
	void *p;

	sink = malloc(SIZE_MAX / 2);
	sink = calloc(SIZE_MAX / 2, 3);
	if (posix_memalign(&p, 3, 100) == 0) /* 3 is no alignment: EINVAL */
		abort();
	sink = mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* EINVAL */
}

/* realloc: one block, with the last size, on the last stack. */
KEEP void realloc_first(void) { sink = realloc(NULL, 10); }
KEEP void realloc_grows(void) { sink = realloc(sink, 20000); } /* moves */
KEEP void realloc_shrinks(void) { sink = realloc(sink, 300); } /* stays where it is */
KEEP void realloc_fails(void)
{
	if (realloc(sink, SIZE_MAX / 2))
		abort();
}
KEEP void realloc_to_nothing(void)
{
	void *p = malloc(55);

	if (realloc(p, 0)) /* glibc frees it and gives NULL */
		abort();
}

KEEP void map_leak(void) { sink = mmap(NULL, 3 << 12, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
KEEP void map_no_leak(void) { munmap(mmap(NULL, 5 << 12, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 5 << 12); }
KEEP void map_first_pages_unmapped(void)
{
	char *p = mmap(NULL, 8 << 12, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p, 3 << 12);
}
KEEP void map_to_move(void) { sink = mmap(NULL, 2 << 12, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
KEEP void map_moved(void) { sink = mremap(sink, 2 << 12, 64 << 12, MREMAP_MAYMOVE); }

int main(void)
{
	early = malloc(1234);
	puts("ready");
	fflush(stdout);
	getchar();

	leak_malloc();
	leak_calloc();
	leak_reallocarray();
	leak_posix_memalign();
	leak_aligned_alloc();
	leak_memalign();
	leak_valloc();
	leak_pvalloc();
	leak_zero();
	leak_strdup();
	leak_large();
	no_leak_malloc();
	no_leak_large();
	no_leak_failed();
	realloc_first();
	realloc_grows();
	realloc_shrinks();
	realloc_fails();
	realloc_to_nothing();
	map_leak();
	map_no_leak();
	map_first_pages_unmapped();
	map_to_move();
	map_moved();
	free(early);

	puts("done");
	fflush(stdout);
	getchar();
	return 0;
}
