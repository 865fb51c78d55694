/*
 * Threads that free all they have allocated, and end. glibc keeps what they freed, and frees it again at their end.
 * thread-ends THREADS BLOCKS (at most 7: so many of a size are kept)
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static long blocks;

static void *work(void *unused)
{
	void *p[7];

	for (long i = 0; i < blocks; i++)
		p[i] = malloc(64);
	for (long i = 0; i < blocks; i++)
		free(p[i]);
	return unused;
}

int main(int argc, char **argv)
{
	long threads = argc > 2 ? atol(argv[1]) : 0;
	pthread_t id;

	blocks = argc > 2 ? atol(argv[2]) : 0;
	puts("ready");
	fflush(stdout);
	getchar();
	for (long i = 0; i < threads; i++) {
		pthread_create(&id, NULL, work, NULL);
		pthread_join(id, NULL);
	}
	puts("done");
	fflush(stdout);
	getchar();
	return 0;
}
