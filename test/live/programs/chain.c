/*
 * Allocations at the end of known call chains, for code that keeps no frame pointers: a plain chain, one through libc
 * (qsort, strdup), one in a thread, one in a signal handler, one with a variable-length array. Prints `ready`, waits
 * for a line, allocates, prints `done`, waits.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP __attribute__((noinline, noclone)) static

static void *volatile kept;
static volatile int zero;

/* What follows the call keeps it from being a jump. */
#define AFTER __asm__ volatile("" ::: "memory")

STEP void plain3(int size) { kept = malloc(size); AFTER; }
STEP void plain2(int size) { plain3(size + zero); AFTER; }
STEP void plain1(int size) { plain2(size + zero); AFTER; }

STEP int compare(const void *a, const void *b)
{
	if (!kept)
		kept = malloc(222);
	return *(const int *)a - *(const int *)b;
}
STEP void through_qsort(void)
{
	int values[] = { 3, 1, 2 };

	kept = NULL;
	qsort(values, 3, sizeof(int), compare);
	AFTER;
}

STEP void through_strdup(void) { kept = strdup(zero ? "" : "thirty-two characters, and a zero"); AFTER; }

STEP void in_thread2(void) { kept = malloc(444); AFTER; }
STEP void *in_thread1(void *unused) { in_thread2(); AFTER; return unused; }

STEP void handler2(void) { kept = malloc(555); AFTER; }
STEP void handler(int signal) { (void)signal; handler2(); AFTER; }
STEP void interrupted(void) { raise(SIGUSR2); AFTER; }

STEP void with_array(int size)
{
	char array[size + 10000];

	memset(array, 1, sizeof(array));
	plain3(size + array[zero] - 1);
	AFTER;
}

int main(void)
{
	pthread_t thread;

	signal(SIGUSR2, handler);
	puts("ready");
	fflush(stdout);
	getchar();
	plain1(111);
	through_qsort();
	through_strdup();
	pthread_create(&thread, NULL, in_thread1, NULL);
	pthread_join(thread, NULL);
	interrupted();
	with_array(666);
	puts("done");
	fflush(stdout);
	getchar();
	return 0;
}
