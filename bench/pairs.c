/*
 * What a malloc(64)/free pair costs, in processor time: pairs SECONDS THREADSxDEPTH...
 *
 * Waits for a line on stdin, so that a tracer can attach, then measures one case after the other and prints a line for
 * each: nanoseconds of processor time, user and kernel, of all threads together, per pair. Wall time would say the same
 * on a machine that does nothing else, and depend on its other work on any other.
 *
 * In a case each thread calls one function in another until DEPTH (3 to 34) of this program are on its stack (below them
 * lie libc's two that start a thread), and makes pairs there for so many seconds. DEPTH 0 frees blocks that were allocated before
 * that line: frees that a tracer knows nothing about.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64
#define BLOCKS 100000 /* allocated in advance, for each thread */

static volatile int stop;
static int depth;

struct worker {
	pthread_t id;
	void **blocks;
	long pairs;
};

/* Processor time of all threads, those that have ended too, in ns. */
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/*
 * One function for each level, as in real programs: a walk that meets the same return address again and again would be
 * well predicted by the processor. The empty statement behind the call keeps it from becoming a jump.
 */
#define LEVEL(n, next)                                                   \
	__attribute__((noinline)) static void level_##n(int calls)       \
	{                                                                \
		if (calls > 1)                                           \
			next(calls - 1);                                 \
		else                                                     \
			make_pairs();                                    \
		__asm__ volatile("" : : "i"(n));                         \
	}
#define FOUR_LEVELS(n, next)             \
	LEVEL(n##3, next)                \
	LEVEL(n##2, level_##n##3)        \
	LEVEL(n##1, level_##n##2)        \
	LEVEL(n##0, level_##n##1)

__attribute__((noinline)) static void make_pairs(void)
{
	for (int i = 0; i < 100; i++) {
		void *volatile p = malloc(64);

		free(p);
	}
}

static void too_deep(int calls)
{
	fprintf(stderr, "%d levels too deep\n", calls);
	exit(2);
}

FOUR_LEVELS(7, too_deep)
FOUR_LEVELS(6, level_70)
FOUR_LEVELS(5, level_60)
FOUR_LEVELS(4, level_50)
FOUR_LEVELS(3, level_40)
FOUR_LEVELS(2, level_30)
FOUR_LEVELS(1, level_20)
FOUR_LEVELS(0, level_10)

static void *run(void *argument)
{
	struct worker *worker = argument;

	if (depth == 0) {
		for (; worker->pairs < BLOCKS; worker->pairs++)
			free(worker->blocks[worker->pairs]);
		return NULL;
	}
	while (!stop) {
		level_00(depth - 2); /* this function and the one that makes the pairs are the others */
		worker->pairs += 100;
	}
	return NULL;
}

static void measure(struct worker *workers, int threads, double seconds)
{
	struct timespec pause = { (time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9) };
	double start = now();
	long pairs = 0;

	stop = 0;
	for (int i = 0; i < threads; i++) {
		workers[i].pairs = 0;
		pthread_create(&workers[i].id, NULL, run, &workers[i]);
	}
	if (depth != 0)
		nanosleep(&pause, NULL);
	stop = 1;
	for (int i = 0; i < threads; i++) {
		pthread_join(workers[i].id, NULL);
		pairs += workers[i].pairs;
	}
	printf("%.1f\n", (now() - start) / pairs);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static struct worker workers[MAX_THREADS];
	int threads;

	for (int i = 2; i < argc; i++) {
		if (sscanf(argv[i], "%dx%d", &threads, &depth) != 2 || threads < 1 || threads > MAX_THREADS ||
		    depth < 0 || depth == 1 || depth == 2 || depth > 34)
			return 2;
		for (int j = 0; depth == 0 && j < threads; j++) {
			workers[j].blocks = malloc(BLOCKS * sizeof(void *));
			for (int k = 0; k < BLOCKS; k++)
				workers[j].blocks[k] = malloc(64);
		}
	}
	puts("ready");
	fflush(stdout);
	getchar();
	for (int i = 2; i < argc; i++) {
		sscanf(argv[i], "%dx%d", &threads, &depth);
		measure(workers, threads, atof(argv[1]));
	}
	return 0;
}
