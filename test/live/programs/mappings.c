/*
 * mmap, munmap and mremap of parts of mappings: each site maps eight pages and does one thing to them. What stays is
 * noted in pages that are mapped, and in mappings: a hole makes two of one.
 */
#define _GNU_SOURCE
#include "ledger.h"
#include <sys/mman.h>

#define PAGE 4096L

static void *volatile sink;

static char *map(void *hint, long pages, int flags)
{
	char *p = mmap(hint, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static void unmap(char *p, long pages)
{
	if (munmap(p, pages * PAGE))
		abort();
}

static char *remap(char *p, long old, long new, int flags, void *to)
{
	char *result = mremap(p, old * PAGE, new * PAGE, flags, to);

	if (result == MAP_FAILED)
		abort();
	return result;
}

static void left(const char *site, long pages, long mappings) { ledger(site, pages * PAGE, mappings); }

SITE void site_whole(void) { unmap(map(0, 8, 0), 8); left(__func__, 0, 0); }
SITE void site_head(void) { unmap(map(0, 8, 0), 3); left(__func__, 5, 1); }
SITE void site_tail(void) { unmap(map(0, 8, 0) + 5 * PAGE, 3); left(__func__, 5, 1); }
SITE void site_middle(void) { unmap(map(0, 8, 0) + 3 * PAGE, 2); left(__func__, 6, 2); }
SITE void site_piecewise(void)
{
	char *p = map(0, 8, 0);

	for (int i = 7; i >= 0; i--)
		unmap(p + (i * 3 + 1) % 8 * PAGE, 1);
	left(__func__, 0, 0);
}
/* Two mappings side by side, unmapped by one call, which also reaches over an end. */
SITE void site_two_at_once(void)
{
	char *p = map(0, 16, 0);

	unmap(p, 16);
	map(p, 8, MAP_FIXED);
	map(p + 8 * PAGE, 8, MAP_FIXED);
	unmap(p + 4 * PAGE, 8);
	left(__func__, 8, 2);
}
/* Not a whole number of pages: the kernel rounds up. */
SITE void site_odd_sizes(void)
{
	char *p = mmap(NULL, 7 * PAGE + 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (munmap(p + 6 * PAGE, PAGE + 1))
		abort();
	left(__func__, 6, 1);
}
SITE void site_unmap_fails(void)
{
	char *p = map(0, 8, 0);

	if (munmap(p + 1, PAGE) == 0) /* not at a page: EINVAL */
		abort();
	left(__func__, 8, 1);
}
/* A new mapping in the place of an old one. */
static char *under;
SITE void site_covered(void) { under = map(0, 8, 0); left(__func__, 0, 0); }
SITE void site_covers(void) { sink = map(under, 8, MAP_FIXED); left(__func__, 8, 1); }
SITE void site_half_covered(void) { under = map(0, 8, 0); left(__func__, 6, 2); }
SITE void site_half_covers(void) { sink = map(under + 3 * PAGE, 2, MAP_FIXED); left(__func__, 2, 1); }
/* A hint is not MAP_FIXED: the old mapping stays. */
SITE void site_hinted(void) { under = map(0, 8, 0); left(__func__, 8, 1); }
SITE void site_hints(void) { sink = map(under, 8, 0); left(__func__, 8, 1); }
/* mremap in all its ways. */
static char *old;
SITE void site_to_shrink(void) { old = map(0, 8, 0); left(__func__, 0, 0); }
SITE void site_shrunk(void) { sink = remap(old, 8, 3, 0, 0); left(__func__, 3, 1); }
SITE void site_to_grow(void) { old = map(0, 8, 0); left(__func__, 0, 0); }
SITE void site_grown(void) { sink = remap(old, 8, 100, MREMAP_MAYMOVE, 0); left(__func__, 100, 1); }
SITE void site_to_move(void) { old = map(0, 8, 0); left(__func__, 0, 0); }
SITE void site_target(void) { under = map(0, 10, 0); left(__func__, 2, 1); }
SITE void site_moved(void) { sink = remap(old, 8, 8, MREMAP_MAYMOVE | MREMAP_FIXED, under); left(__func__, 8, 1); }
SITE void site_to_leave(void) { old = map(0, 8, 0); left(__func__, 8, 1); }
SITE void site_left(void) { sink = remap(old, 8, 8, MREMAP_MAYMOVE | 4 /* MREMAP_DONTUNMAP */, 0); left(__func__, 8, 1); }
SITE void site_to_split(void) { old = map(0, 8, 0); left(__func__, 6, 2); }
SITE void site_part_moved(void) { sink = remap(old + 3 * PAGE, 2, 20, MREMAP_MAYMOVE, 0); left(__func__, 20, 1); }
SITE void site_cannot_move(void)
{
	old = map(0, 8, 0);
	under = map(old - PAGE, 1, 0);
	if (mremap(old, 8 * PAGE, 1L << 50, 0) != MAP_FAILED) /* no room: the old one stays */
		abort();
	left(__func__, 9, 2);
}

int main(void)
{
	ledger_begin();
	site_whole(), site_head(), site_tail(), site_middle(), site_piecewise(), site_two_at_once(), site_odd_sizes();
	site_unmap_fails(), site_covered(), site_covers(), site_half_covered(), site_half_covers(), site_hinted();
	site_hints(), site_to_shrink(), site_shrunk(), site_to_grow(), site_grown(), site_to_move(), site_target();
	site_moved(), site_to_leave(), site_left(), site_to_split(), site_part_moved(), site_cannot_move();
	ledger_end();
	return 0;
}
