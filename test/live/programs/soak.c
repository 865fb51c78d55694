/*
 * A busy server, for as long as it is let: workers allocate and free at full rate from ever new stacks, up to a bound;
 * threads come and go; libraries are opened and closed. Arguments: workers, different stacks, seconds until all of
 * them have come, libraries (this file with -DLIBRARY). Begins at the first line on stdin. Each further line is answered
 * by `operations N threads N libraries N`: allocations and frees, threads started, libraries opened. At the end of stdin
 * it prints `operations N outstanding BLOCKS BYTES` and waits to be killed.
 */
#include <dlfcn.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef LIBRARY
unsigned library_work(void)
{
	void *blocks[50];

	for (int i = 0; i < 50; i++)
		blocks[i] = malloc(100 + i);
	for (int i = 0; i < 50; i++)
		free(blocks[i]);
	return 100;
}
#else
#define DEPTH 14
#define KEPT 2048
#define WORKERS 64

struct worker {
	pthread_t thread;
	uint64_t state;
	atomic_ulong operations;
	unsigned long blocks, bytes;
};

static struct worker workers[WORKERS];
static atomic_int stop;
static atomic_uint paths = 64;
static atomic_ulong others;

/* Two calls a level, chosen by the bits of the path: as many stacks as there are paths. */
__attribute__((noinline)) static void *descend(unsigned path, int level, size_t size)
{
	void *block;

	if (level == 0) {
		block = malloc(size);
	} else if (path & 1) {
		block = descend(path >> 1, level - 1, size);
		__asm__ volatile("# left" : "+r"(block));
	} else {
		block = descend(path >> 1, level - 1, size);
		__asm__ volatile("# right" : "+r"(block));
	}
	return block;
}

static unsigned next(uint64_t *state)
{
	*state = *state * 6364136223846793005UL + 1442695040888963407UL;
	return *state >> 33;
}

static void *work(void *argument)
{
	struct worker *w = argument;
	void *kept[KEPT] = { 0 };
	size_t sizes[KEPT];

	while (!atomic_load(&stop)) {
		unsigned r = next(&w->state), i = r % KEPT;

		if (kept[i]) {
			free(kept[i]);
			kept[i] = NULL;
		} else {
			sizes[i] = 16 + (r >> 11) % 1000;
			kept[i] = descend(next(&w->state) % atomic_load(&paths), DEPTH, sizes[i]);
		}
		w->operations++;
	}
	/* What is kept stays: it is outstanding. */
	for (int i = 0; i < KEPT; i++) {
		if (kept[i]) {
			w->blocks++;
			w->bytes += sizes[i];
		}
	}
	return NULL;
}

static void *come_and_go(void *argument)
{
	void *blocks[100];

	for (int i = 0; i < 100; i++)
		blocks[i] = descend(i % 16, DEPTH, 50);
	for (int i = 0; i < 100; i++)
		free(blocks[i]);
	atomic_fetch_add(&others, 200);
	return argument;
}

static void open_and_close(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	unsigned (*library_work)(void);

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&library_work = dlsym(library, "library_work");
	atomic_fetch_add(&others, library_work());
	dlclose(library);
}

static unsigned long operations(int count)
{
	unsigned long sum = others;

	for (int i = 0; i < count; i++)
		sum += workers[i].operations;
	return sum;
}

int main(int argc, char **argv)
{
	static char out[BUFSIZ];
	int count = atoi(argv[1]), libraries = argc - 4;
	unsigned most = atoi(argv[2]), seconds = atoi(argv[3]);
	unsigned long threads = 0, opened = 0, blocks = 0, bytes = 0;
	time_t start;
	char line[16];

	setvbuf(stdout, out, _IOLBF, sizeof(out));
	puts("ready");
	if (read(0, line, 1) != 1)
		return 1;
	start = time(NULL);
	for (int i = 0; i < count; i++) {
		workers[i].state = i + 1;
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (;;) {
		struct pollfd input = { 0, POLLIN, 0 };
		unsigned elapsed = time(NULL) - start;
		pthread_t thread;

		if (poll(&input, 1, 5) > 0) {
			if (read(0, line, 1) != 1)
				break;
			printf("operations %lu threads %lu libraries %lu\n", operations(count), threads, opened);
		}
		atomic_store(&paths, elapsed >= seconds ? most : 64 + (most - 64) * elapsed / seconds);
		pthread_create(&thread, NULL, come_and_go, NULL);
		pthread_join(thread, NULL);
		if (++threads % 20 == 0 && libraries > 0)
			open_and_close(argv[4 + opened++ % libraries]);
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < count; i++) {
		pthread_join(workers[i].thread, NULL);
		blocks += workers[i].blocks;
		bytes += workers[i].bytes;
	}
	printf("operations %lu outstanding %lu %lu\n", operations(count), blocks, bytes);
	pause();
	return 0;
}
#endif
