/*
 * Leaks in a constructor, which runs before main, and in main, and exits at once. Argument `exec`: leaks 77 bytes and
 * executes itself, from a second thread when `thread` follows.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *volatile sink;
static char **arguments;

__attribute__((noinline)) static void leak_early(void) { sink = malloc(321); }
__attribute__((noinline)) static void leak_before_exec(void) { sink = malloc(77); }
__attribute__((noinline)) static void leak_in_main(void) { sink = malloc(123); }

__attribute__((constructor)) static void construct(void)
{
	leak_early();
	__asm__ volatile("");
}

static void *execute(void *unused)
{
	char *again[] = { arguments[0], NULL };

	(void)unused;
	leak_before_exec();
	execv(arguments[0], again);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	arguments = argv;
	if (argc > 2) {
		pthread_create(&thread, NULL, execute, NULL);
		pthread_join(thread, NULL);
	}
	if (argc > 1)
		execute(NULL);
	leak_in_main();
	return 5;
}
