/*
 * Allocators within which others are called, while only a sample of the calls is looked at: what runs inside malloc must
 * not be drawn by itself, what a signal handler does that interrupts malloc must. Prints a ledger as samples.c does.
 * A second copy of the C library has the same functions elsewhere.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>

#define KEEP __attribute__((noinline)) static
#define LARGE 200000 /* above the size from which on malloc maps each block */
#define MAPPED (200 << 10)
#define HUGE_MAP (2 << 20)

static void *volatile sink;
static void *volatile from_handler;
static unsigned long counter;
static void *(*other_malloc)(size_t);
static void (*other_free)(void *);

static void keep_or_free(void *p, void (*release)(void *))
{
	if (++counter % 8 == 0)
		sink = p;
	else
		release(p);
}

/* Each calls mmap. */
KEEP void from_malloc(void) { keep_or_free(malloc(LARGE), free); }
KEEP void from_calloc(void) { keep_or_free(calloc(1, LARGE), free); }
KEEP void from_realloc(void) { keep_or_free(realloc(NULL, LARGE), free); }
KEEP void from_memalign(void) { keep_or_free(memalign(64, LARGE), free); }
KEEP void from_other(void) { keep_or_free(other_malloc(LARGE), other_free); }

/* Compilers drop what is freed at once, unless it has been elsewhere. */
KEEP void small(void)
{
	sink = malloc(4000);
	free(sink);
}

KEEP void *map(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void unmap(void *p) { munmap(p, MAPPED); }

KEEP void own_map(void) { keep_or_free(map(MAPPED), unmap); }

static volatile unsigned long handled;

KEEP void handler(int signal)
{
	(void)signal;
	from_handler = map(HUGE_MAP);
	handled++;
}

/* Signals come when a thread returns from the kernel: while malloc is probed, that is mostly in malloc. */
KEEP void interrupted(unsigned long times)
{
	const struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };

	signal(SIGALRM, handler);
	setitimer(ITIMER_REAL, &often, NULL);
	while (handled < times)
		small();
	setitimer(ITIMER_REAL, &never, NULL);
}

static void run(const char *name, void (*site)(void), unsigned long size, long times)
{
	counter = 0;
	for (long i = 0; i < times; i++)
		site();
	printf("%s %lu %ld %lu\n", name, size, times, counter / 8);
}

int main(int argc, char **argv)
{
	long times = argc > 1 ? atol(argv[1]) : 1000;
	void *other = dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW);

	if (!other)
		return 2;
	other_malloc = (void *(*)(size_t))dlsym(other, "malloc");
	other_free = (void (*)(void *))dlsym(other, "free");
	mallopt(M_MMAP_THRESHOLD, 128 << 10); /* no longer adapted to what is freed */
	puts("ready");
	fflush(stdout);
	getchar();
	/* So that some calls have been samples before it matters. */
	for (long i = 0; i < 10 * times; i++)
		small();
	for (long i = 0; i < 10 * times; i++)
		other_free(other_malloc(4000));
	run("from_malloc", from_malloc, LARGE, times);
	run("from_calloc", from_calloc, LARGE, times);
	run("from_realloc", from_realloc, LARGE, times);
	run("from_memalign", from_memalign, LARGE, times);
	run("from_other", from_other, LARGE, times);
	run("own_map", own_map, MAPPED, times);
	interrupted(200);
	printf("handler %d %lu %lu\n", HUGE_MAP, handled, handled);
	puts("done");
	fflush(stdout);
	getchar();
	return 0;
}
