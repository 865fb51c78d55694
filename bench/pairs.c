/*
 * Nanoseconds per malloc(64)/free pair, ten calls deep, on as many threads as the first argument says. Waits for a line
 * on stdin, then measures for two seconds and prints the mean over all threads.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile int stop;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

__attribute__((noinline)) static void pairs(int depth)
{
	if (depth > 0) {
		pairs(depth - 1);
		__asm__ volatile("");
		return;
	}
	for (int i = 0; i < 100; i++) {
		void *volatile p = malloc(64);

		free(p);
	}
}

static void *run(void *result)
{
	double start = now();
	long count = 0;

	while (!stop) {
		pairs(10);
		count += 100;
	}
	*(double *)result = (now() - start) / count * 1e9;
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t ids[64];
	double results[64], sum = 0;
	struct timespec two = { 2, 0 };

	puts("ready");
	fflush(stdout);
	getchar();
	for (int i = 0; i < threads; i++)
		pthread_create(&ids[i], NULL, run, &results[i]);
	nanosleep(&two, NULL);
	stop = 1;
	for (int i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		sum += results[i];
	}
	printf("%.1f\n", sum / threads);
	return 0;
}
