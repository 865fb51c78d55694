/*
 * Four threads allocate at eight call sites and hand the blocks to each other through shared slots, so most blocks are
 * freed by a thread that did not allocate them. Keeps its own ledger, one row a call site, and prints it at the end:
 * `site bytes blocks`. Argument: operations of each thread.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 4
#define SITES 8
#define SLOTS 4096

struct block {
	unsigned site;
	unsigned size;
};

static _Atomic(struct block *) slots[SLOTS];
static atomic_long bytes[SITES], blocks[SITES];
static long operations;

#define SITE(n) \
	__attribute__((noinline)) static struct block *site_##n(unsigned size) \
	{ \
		struct block *b = malloc(size); \
		b->site = n; \
		b->size = size; \
		return b; \
	}
SITE(0) SITE(1) SITE(2) SITE(3) SITE(4) SITE(5) SITE(6) SITE(7)

static struct block *(*const sites[SITES])(unsigned) = { site_0, site_1, site_2, site_3,
							 site_4, site_5, site_6, site_7 };

static void *work(void *seed)
{
	unsigned long state = (unsigned long)seed;

	for (long i = 0; i < operations; i++) {
		struct block *fresh, *old;
		unsigned site, size;

		state = state * 6364136223846793005UL + 1442695040888963407UL;
		site = state >> 40 & (SITES - 1);
		size = 16 + (state >> 44 & 511);
		fresh = sites[site](size);
		atomic_fetch_add(&bytes[site], size);
		atomic_fetch_add(&blocks[site], 1);
		old = atomic_exchange(&slots[state >> 50 & (SLOTS - 1)], fresh);
		if (!old)
			continue;
		atomic_fetch_sub(&bytes[old->site], old->size);
		atomic_fetch_sub(&blocks[old->site], 1);
		free(old);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	operations = argc > 1 ? atol(argv[1]) : 1000;
	puts("ready");
	fflush(stdout);
	getchar();
	for (long t = 0; t < THREADS; t++)
		pthread_create(&threads[t], NULL, work, (void *)(t + 1));
	for (int t = 0; t < THREADS; t++)
		pthread_join(threads[t], NULL);
	for (int s = 0; s < SITES; s++)
		printf("site_%d %ld %ld\n", s, bytes[s], blocks[s]);
	puts("done");
	fflush(stdout);
	getchar();
	return 0;
}
