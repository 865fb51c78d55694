/*
 * What a malloc(64)/free pair costs, in processor time: pairs SECONDS THREADSxDEPTH...
 *
 * Waits for a line on stdin, so that a tracer can attach, then measures one case after the other and prints a line for
 * each: nanoseconds of processor time, user and kernel, of all threads together, per pair. Wall time would say the same
 * on a machine that does nothing else, and depend on its other work on any other.
 *
 * In a case each thread calls itself until DEPTH functions of this program are on its stack (below them lie libc's two
 * that start a thread), and makes pairs there for so many seconds. DEPTH 0 frees blocks that were allocated before
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

/* The empty statement behind the call keeps it from becoming a jump; noipa keeps it a call. */
__attribute__((noinline, noipa)) static void make_pairs(int calls)
{
	if (calls > 1) {
		make_pairs(calls - 1);
		__asm__ volatile("");
		return;
	}
	for (int i = 0; i < 100; i++) {
		void *volatile p = malloc(64);

		free(p);
	}
}

static void *run(void *argument)
{
	struct worker *worker = argument;

	if (depth == 0) {
		for (; worker->pairs < BLOCKS; worker->pairs++)
			free(worker->blocks[worker->pairs]);
		return NULL;
	}
	while (!stop) {
		make_pairs(depth - 1); /* this function is one of them */
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
		    depth < 0 || depth == 1)
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
