/*
 * Keeps 50,000 blocks of 40 bytes, and frees as many, while a timer interrupts it every 200 us with a handler that maps
 * and unmaps memory. With an argument, the handler has a stack of its own. Prints how often it ran.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>

static volatile long interrupts;
static void *volatile block;

static void handler(int signal)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)signal;
	munmap(p, 4096);
	interrupts++;
}

__attribute__((noinline)) static void *allocate(void)
{
	return malloc(40);
}

int main(int argc, char **argv)
{
	static char memory[1 << 16];
	stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct itimerval timer = { { 0, 200 }, { 0, 200 } };
	struct itimerval off = { { 0, 0 }, { 0, 0 } };

	(void)argv;
	if (argc > 1) {
		sigaltstack(&stack, NULL);
		action.sa_flags |= SA_ONSTACK;
	}
	sigaction(SIGALRM, &action, NULL);
	puts("ready");
	fflush(stdout);
	getchar();
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < 50000; i++) {
		allocate();
		block = allocate();
		free(block);
	}
	setitimer(ITIMER_REAL, &off, NULL);
	printf("%ld\n", interrupts);
	fflush(stdout);
	getchar();
	return 0;
}
