/*
 * C that allocates below every form of frame that compilers and libc make: recursion, callbacks from libc, dynamic and
 * realigned frames, large frames, cold parts, signal handlers, jumps out of calls, threads. Prints `ready`, works from
 * the next line on stdin to the one after, and prints `done`.
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <glob.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STEP __attribute__((noinline)) static

static atomic_int stopped;
static _Thread_local jmp_buf escape;

STEP void use(void *block)
{
	__asm__ volatile("" : : "r"(block) : "memory");
	free(block);
}

STEP void plain(unsigned long x) { use(malloc(x % 500 + 1)); use(calloc(x % 9 + 1, 16)); use(realloc(NULL, x % 90 + 1)); }

STEP int recurse(int a, int b, int c, int d, int e, int f, int g, int h)
{
	int result = a + h;

	if (a > 0)
		result += recurse(a - 1, h, g, f, e, d, c, b);
	else
		plain(b + c);
	return result + b + c;
}

STEP int compare(const void *a, const void *b)
{
	plain(*(const int *)a);
	return *(const int *)a - *(const int *)b;
}

STEP void sorts(unsigned long x)
{
	int values[24], key = 7;

	for (int i = 0; i < 24; i++)
		values[i] = x >> i & 1023;
	qsort(values, 24, sizeof(int), compare);
	bsearch(&key, values, 24, sizeof(int), compare);
}

STEP void dynamic(unsigned long x)
{
	char array[x % 3000 + 1], *more = alloca(x % 700 + 1);

	memset(array, 1, sizeof(array));
	memset(more, 2, x % 700 + 1);
	plain(array[x % 10 % sizeof(array)] + more[0]);
	sorts(x + array[0]);
}

STEP void aligned(unsigned long x)
{
	char wide[128] __attribute__((aligned(64)));

	memset(wide, x, sizeof(wide));
	dynamic(x + wide[x & 127]);
	plain(wide[5]);
}

STEP void large(unsigned long x)
{
	char array[40000];

	memset(array, x, sizeof(array));
	aligned(x + array[x % 40000]);
	plain(array[7]);
}

STEP void seldom(unsigned long x)
{
	if (__builtin_expect(x % 64 == 0, 0)) {
		char *text;

		if (asprintf(&text, "%lu %.40f %s", x, x * 1.5, "seldom") > 0)
			use(text);
		plain(x);
	}
	recurse(x % 40, 2, 3, 4, 5, 6, 7, 8);
}

STEP void jumps(unsigned long x)
{
	plain(x);
	if (x % 3 == 0)
		longjmp(escape, 1);
	recurse(x % 5, 1, 2, 3, 4, 5, 6, 7);
}

STEP void escapes(unsigned long x)
{
	if (setjmp(escape) == 0)
		jumps(x);
	plain(x);
}

STEP void handler(int signal) { plain(signal); large(signal); }
STEP void interrupted(unsigned long x) { plain(x); raise(SIGUSR1); plain(x); }

STEP void drop(void *key) { plain((unsigned long)key); }
STEP int by_text(const void *a, const void *b) { use(strdup(a)); return strcmp(a, b); }

STEP void library(unsigned long x)
{
	static const char *const words[] = { "one", "two", "three", "four", "five" };
	glob_t found;
	regex_t expression;
	void *root = NULL;
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	if (regcomp(&expression, "^(a|b+)*c{2,5}[[:alpha:]]+(x|y|zz)$", REG_EXTENDED) == 0) {
		regmatch_t match[4];
		regexec(&expression, "abbbbbabccccabczz", 4, match, 0);
		regfree(&expression);
	}
	for (int i = 0; i < 5; i++)
		tsearch(words[(x + i) % 5], &root, by_text);
	tdestroy(root, drop);
	if (glob("/usr/*/[a-b]*", 0, NULL, &found) == 0)
		globfree(&found);
	file = fopen("/proc/self/status", "r");
	if (file) {
		while (getline(&line, &size, file) > 0)
			;
		fclose(file);
	}
	free(line);
	setlocale(LC_ALL, x & 1 ? "C" : "C.UTF-8");
	munmap(mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 8192);
}

static const struct { void (*run)(unsigned long); } STEPS[] = {
	{ plain }, { sorts }, { dynamic }, { aligned }, { large }, { seldom }, { escapes }, { interrupted }, { library },
};

STEP void *work(void *seed)
{
	unsigned long x = (unsigned long)seed;

	while (!atomic_load(&stopped)) {
		x = x * 6364136223846793005UL + 1442695040888963407UL;
		STEPS[(x >> 33) % (sizeof(STEPS) / sizeof(*STEPS))].run(x >> 40);
	}
	return NULL;
}

STEP void *short_lived(void *data) { plain(3); return data; }

STEP void *starts_threads(void *data)
{
	while (!atomic_load(&stopped)) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, short_lived, NULL) == 0)
			pthread_join(thread, NULL);
		usleep(2000);
	}
	return data;
}

int main(void)
{
	struct pollfd input = { .fd = 0, .events = POLLIN };
	pthread_t threads[2];

	signal(SIGUSR1, handler);
	puts("ready");
	fflush(stdout);
	getchar();
	pthread_create(&threads[0], NULL, work, (void *)2);
	pthread_create(&threads[1], NULL, starts_threads, NULL);
	for (unsigned long x = 1; poll(&input, 1, 0) == 0; x++)
		STEPS[x % (sizeof(STEPS) / sizeof(*STEPS))].run(x * 2654435761UL >> 7);
	atomic_store(&stopped, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	puts("done");
	return 0;
}
