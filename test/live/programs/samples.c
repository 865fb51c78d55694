/*
 * Call sites that allocate blocks of one size each, many times, and keep every eighth: what a sample must estimate.
 * Prints its ledger, one row a site: `site size allocated kept`. sampling.test.ts says what is special about each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP __attribute__((noinline)) static

static void *volatile sink;
static unsigned long counter;

static void keep_or_free(void *p)
{
	if (++counter % 8 == 0)
		sink = p;
	else
		free(p);
}

KEEP void small(void) { keep_or_free(malloc(16)); }
KEEP void medium(void) { keep_or_free(malloc(1000)); }
KEEP void large(void) { keep_or_free(malloc(70000)); }
/* Above any sampling interval that the test uses: each is a sample. */
KEEP void huge(void) { keep_or_free(malloc(3 << 20)); }
KEEP void zeroed(void) { keep_or_free(calloc(10, 20)); }
/* realloc of nothing jumps into malloc: one allocation, drawn once. */
KEEP void from_nothing(void) { keep_or_free(realloc(NULL, 300)); }
/* The old block may be a sample or not, and so may the new one. */
KEEP void grown(void) { keep_or_free(realloc(malloc(40), 500)); }

/*
 * The return address of the last malloc is still on the stack when the next, deeper one is called: it must not be taken
 * for a call that is under way.
 */
KEEP void deeper(int depth)
{
	char untouched[400];

	__asm__ volatile("" : : "r"(untouched) : "memory");
	if (depth > 0)
		deeper(depth - 1);
	else
		keep_or_free(malloc(200));
	__asm__ volatile("");
}

static void run(const char *name, void (*site)(void), unsigned long size, long times)
{
	counter = 0;
	for (long i = 0; i < times; i++)
		site();
	printf("%s %lu %ld %lu\n", name, size, times, counter / 8);
}

static void below_another(void)
{
	free(malloc(64));
	deeper(3);
}

int main(int argc, char **argv)
{
	long times = argc > 1 ? atol(argv[1]) : 1000;

	puts("ready");
	fflush(stdout);
	getchar();
	run("small", small, 16, times);
	run("medium", medium, 1000, times);
	run("large", large, 70000, times / 100);
	run("huge", huge, 3 << 20, 64);
	run("zeroed", zeroed, 200, times);
	run("from_nothing", from_nothing, 300, times);
	run("grown", grown, 500, times);
	run("below_another", below_another, 200, times);
	puts("done");
	fflush(stdout);
	getchar();
	return 0;
}
