/*
 * Allocates, fills, checks and frees without pause, and sums up what it finds in its blocks. Ends at the next line on
 * stdin with `sum N`, or with exit code 1 when a block did not hold what was put there.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 256

static atomic_int stop;

static void *work(void *seed)
{
	unsigned long state = (unsigned long)seed;
	unsigned char *kept[KEPT] = { 0 };
	size_t sizes[KEPT];
	unsigned long wrong = 0;

	while (!atomic_load(&stop)) {
		unsigned i;

		state = state * 6364136223846793005UL + 1442695040888963407UL;
		i = state >> 40 & (KEPT - 1);
		if (kept[i]) {
			for (size_t j = 0; j < sizes[i]; j++)
				wrong += kept[i][j] != (unsigned char)i;
			if (state & 1UL << 50) {
				free(kept[i]);
				kept[i] = NULL;
				continue;
			}
		}
		sizes[i] = 1 + (state >> 51 & 1023);
		kept[i] = realloc(kept[i], sizes[i]);
		memset(kept[i], i, sizes[i]);
	}
	for (int i = 0; i < KEPT; i++)
		free(kept[i]);
	return (void *)wrong;
}

int main(void)
{
	pthread_t threads[3];
	unsigned long wrong = 0;

	puts("ready");
	fflush(stdout);
	for (long t = 0; t < 3; t++)
		pthread_create(&threads[t], NULL, work, (void *)(t + 1));
	getchar();
	atomic_store(&stop, 1);
	for (int t = 0; t < 3; t++) {
		void *result;

		pthread_join(threads[t], &result);
		wrong += (unsigned long)result;
	}
	printf("wrong %lu\n", wrong);
	fflush(stdout);
	getchar();
	return wrong != 0;
}
