/*
 * malloc's family, for any allocator that provides it: of three blocks each site frees one, and a thread another, so
 * that one of each stays. What depends on the allocator (realloc to nothing) is noted as it turned out.
 */
#define _GNU_SOURCE
#include "ledger.h"
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>

void *aligned_alloc(size_t, size_t);
void *memalign(size_t, size_t);

static void *volatile sink;

/* A thread that frees what it is given: started before all else, since starting one allocates. */
static sem_t given, taken;
static void *volatile parcel;

static void *free_parcels(void *unused)
{
	for (;;) {
		sem_wait(&given);
		free(parcel);
		sem_post(&taken);
	}
	return unused;
}

/* Keeps the first, frees the second here and the third in another thread. */
static void keep_one(const char *site, void *first, void *second, void *third, long bytes)
{
	sink = first;
	free(second);
	parcel = third;
	sem_post(&given);
	sem_wait(&taken);
	ledger(site, bytes, 1);
}

static void *by_posix_memalign(size_t size)
{
	void *p = NULL;

	return posix_memalign(&p, 256, size) ? NULL : p;
}

SITE void site_malloc(void) { keep_one(__func__, malloc(101), malloc(102), malloc(103), 101); }
SITE void site_calloc(void) { keep_one(__func__, calloc(7, 11), calloc(7, 12), calloc(7, 13), 77); }
SITE void site_realloc(void) { keep_one(__func__, realloc(NULL, 301), realloc(NULL, 5), realloc(NULL, 6), 301); }
SITE void site_aligned(void) { keep_one(__func__, aligned_alloc(64, 640), aligned_alloc(64, 64), aligned_alloc(64, 128), 640); }
SITE void site_memalign(void) { keep_one(__func__, memalign(64, 177), memalign(64, 64), memalign(128, 128), 177); }
SITE void site_posix(void) { keep_one(__func__, by_posix_memalign(513), by_posix_memalign(1), by_posix_memalign(2), 513); }
SITE void site_valloc(void) { keep_one(__func__, valloc(5000), valloc(1), valloc(2), 5000); }
SITE void site_strdup(void) { keep_one(__func__, strdup("twelve bytes"), strdup("x"), strdup(""), 13); }
SITE void site_large(void) { keep_one(__func__, malloc(8 << 20), malloc(9 << 20), malloc(10 << 20), 8 << 20); }
SITE void site_zero(void) { keep_one(__func__, malloc(0), malloc(0), malloc(0), 0); }
SITE void site_failed(void)
{
	size_t volatile huge = SIZE_MAX / 2;

	sink = malloc(huge);
	sink = calloc(huge, 3);
	ledger(__func__, 0, 0);
}

static void *moving;
SITE void site_before(void)
{
	moving = malloc(10);
	ledger(__func__, 0, 0);
}
SITE void site_grows(void)
{
	moving = realloc(moving, 200000);
	ledger(__func__, 0, 0);
}
SITE void site_shrinks(void)
{
	size_t volatile huge = SIZE_MAX / 2;

	moving = realloc(moving, 300);
	if (realloc(moving, huge)) /* fails: the old block stays */
		abort();
	ledger(__func__, 300, 1);
}
SITE void site_to_nothing(void)
{
	void *p = malloc(55);

	p = realloc(p, 0);
	ledger(__func__, 0, p != NULL);
}

/* The same addresses again and again: each life is one of its own. */
SITE void site_reused(void)
{
	void *p = NULL;

	for (int i = 0; i < 1000; i++) {
		free(p);
		p = malloc(48);
	}
	sink = p;
	ledger(__func__, 48, 1);
}

int main(void)
{
	pthread_t thread;

	free(malloc(1)); /* the allocator has been set up */
	sem_init(&given, 0, 0);
	sem_init(&taken, 0, 0);
	pthread_create(&thread, NULL, free_parcels, NULL);
	ledger_begin();
	site_malloc();
	site_calloc();
	site_realloc();
	site_aligned();
	site_memalign();
	site_posix();
	site_valloc();
	site_strdup();
	site_large();
	site_zero();
	site_failed();
	site_before();
	site_grows();
	site_shrinks();
	site_to_nothing();
	site_reused();
	ledger_end();
	return 0;
}
