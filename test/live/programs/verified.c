/*
 * Allocates without pause in every way, on four threads that free each other's blocks, and checks everything: that the
 * blocks hold what was written, that calloc gives zeros, that alignment is kept, that nothing is lost or freed twice.
 * Each line on stdin is answered by `operations N longest NANOSECONDS wrong N`: the longest time between two operations
 * of a thread since the last answer. At the end of stdin all is freed: `allocated N freed N wrong N`; the exit code is 1
 * when something was wrong.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define THREADS 4
#define KEPT 256
#define SHARED 64

struct block {
	size_t size;
	uint64_t id;
	int mapped;
	unsigned char bytes[];
};

struct thread {
	pthread_t pthread;
	uint64_t state, last_id;
	/* Written by the thread, read by the main one. */
	atomic_ulong operations, wrong, longest;
	/* Sums over all blocks that came, and that went: of their number, sizes and ids. */
	uint64_t came[3], went[3];
};

static struct thread threads[THREADS];
static _Atomic(struct block *) shared[SHARED];
static atomic_int stop;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

static uint64_t next(struct thread *t)
{
	t->state = t->state * 6364136223846793005UL + 1442695040888963407UL;
	return t->state >> 33;
}

static unsigned char byte_at(const struct block *b, size_t i)
{
	return b->id * 167 + i;
}

/* Of large blocks only some bytes: most time is to go into allocating. */
static size_t step(size_t size)
{
	return size > 4096 ? 509 : 1;
}

static void sum(uint64_t sums[3], const struct block *b)
{
	sums[0]++;
	sums[1] += b->size;
	sums[2] += b->id;
}

static void fill(struct thread *t, struct block *b, size_t size)
{
	b->size = size;
	b->id = ++t->last_id;
	for (size_t i = 0; i < size - sizeof(*b); i += step(size))
		b->bytes[i] = byte_at(b, i);
	sum(t->came, b);
}

/* Notes whether the first `size` bytes are what was written, and that the block goes. */
static void check(struct thread *t, struct block *b, size_t size)
{
	unsigned long wrong = b->id == 0 || b->size < size;

	for (size_t i = 0; i < size - sizeof(*b); i += step(b->size))
		wrong += b->bytes[i] != byte_at(b, i);
	t->wrong += wrong;
}

static struct block *allocate(struct thread *t)
{
	size_t size = sizeof(struct block) + 1 + next(t) % 1000;
	unsigned way = next(t) % 64;
	struct block *b;

	if (way < 32) {
		b = malloc(size);
	} else if (way < 48) {
		b = calloc(1, size);
		for (size_t i = 0; b && i < size; i++)
			t->wrong += ((unsigned char *)b)[i] != 0;
	} else if (way < 62) {
		size_t alignment = 64UL << next(t) % 6;

		if (posix_memalign((void **)&b, alignment, size) != 0)
			b = NULL;
		t->wrong += (uintptr_t)b % alignment != 0;
	} else if (way == 62) {
		size = 200000 + next(t) % 100000;
		b = malloc(size);
	} else {
		size = 8192 + next(t) % 8192;
		b = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (b == MAP_FAILED)
			b = NULL;
	}
	if (!b) {
		t->wrong++;
		return NULL;
	}
	b->mapped = way == 63;
	fill(t, b, size);
	return b;
}

static void release(struct thread *t, struct block *b)
{
	check(t, b, b->size);
	sum(t->went, b);
	b->id = 0;
	if (b->mapped)
		t->wrong += munmap(b, b->size) != 0;
	else
		free(b);
}

static struct block *resize(struct thread *t, struct block *b)
{
	size_t before = b->size, size = sizeof(*b) + 1 + next(t) % 2000;
	struct block *moved;

	if (b->mapped || before > 4096)
		return b;
	sum(t->went, b);
	moved = realloc(b, size);
	if (!moved) {
		t->wrong++;
		return NULL;
	}
	check(t, moved, size < before ? size : before);
	fill(t, moved, size);
	return moved;
}

static void *work(void *argument)
{
	struct thread *t = argument;
	struct block *kept[KEPT] = { 0 };
	uint64_t last = now();

	while (!atomic_load(&stop)) {
		uint64_t r = next(t), time;
		struct block **place = &kept[r % KEPT];

		if (!*place)
			*place = allocate(t);
		else if (r >> 8 & 1)
			*place = resize(t, *place);
		else if (r >> 9 & 1)
			*place = atomic_exchange(&shared[r >> 10 & (SHARED - 1)], *place);
		else {
			release(t, *place);
			*place = NULL;
		}
		t->operations++;
		time = now();
		if (time - last > t->longest)
			t->longest = time - last;
		last = time;
	}
	for (int i = 0; i < KEPT; i++)
		if (kept[i])
			release(t, kept[i]);
	return NULL;
}

static void answer(void)
{
	unsigned long operations = 0, wrong = 0, longest = 0;

	for (int i = 0; i < THREADS; i++) {
		unsigned long l = atomic_exchange(&threads[i].longest, 0);

		operations += threads[i].operations;
		wrong += threads[i].wrong;
		if (l > longest)
			longest = l;
	}
	printf("operations %lu longest %lu wrong %lu\n", operations, longest, wrong);
	fflush(stdout);
}

int main(void)
{
	unsigned long wrong = 0;
	uint64_t came[3] = { 0 }, went[3] = { 0 };
	char line[16];

	for (int i = 0; i < THREADS; i++) {
		threads[i].state = i + 1;
		threads[i].last_id = (uint64_t)i << 48;
		pthread_create(&threads[i].pthread, NULL, work, &threads[i]);
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		answer();
	atomic_store(&stop, 1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i].pthread, NULL);
	for (int i = 0; i < SHARED; i++)
		if (shared[i])
			release(&threads[0], shared[i]);
	for (int i = 0; i < THREADS; i++) {
		wrong += threads[i].wrong;
		for (int j = 0; j < 3; j++) {
			came[j] += threads[i].came[j];
			went[j] += threads[i].went[j];
		}
	}
	wrong += memcmp(came, went, sizeof(came)) != 0;
	printf("allocated %lu freed %lu wrong %lu\n", came[0], went[0], wrong);
	return wrong != 0;
}
