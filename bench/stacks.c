/*
 * Waits for ever, or with an argument allocates and frees for ever, from 1,024 different stacks in turn, as fast as it
 * can; what the stacks keep changes all the time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *kept[1024];

#define STEP(name) \
	__attribute__((noinline)) static void name(int depth, int path) \
	{ \
		walk(depth, path); \
		__asm__ volatile(""); \
	}

static void walk(int depth, int path);
STEP(left)
STEP(right)

__attribute__((noinline)) static void walk(int depth, int path)
{
	if (depth > 0) {
		(path >> (depth - 1) & 1 ? left : right)(depth - 1, path);
		__asm__ volatile("");
		return;
	}
	free(kept[path]);
	kept[path] = rand() % 4 ? malloc(16 + rand() % 1000) : NULL;
}

int main(int argc, char **argv)
{
	(void)argv;
	puts("ready");
	fflush(stdout);
	while (argc < 2)
		pause();
	for (int path = 0;; path = (path + 1) % 1024)
		walk(10, path);
}
