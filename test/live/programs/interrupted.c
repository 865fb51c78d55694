/*
 * Calls of a user's pool_alloc (pool.c) that are interrupted or never return. The first argument says how:
 *
 * signal      a signal handler allocates during the call, on the same stack; `altstack`: on a stack of its own
 * longjmp     the call is left by longjmp, and what follows allocates further down the stack
 * cancel      the thread is cancelled in the call; `exit`: the thread ends itself in it. Others go on
 */
#define _GNU_SOURCE
#include "ledger.h"
#include "pool.h"
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

static struct pool pool;
static void *volatile sink;
static jmp_buf back;

SITE void site_malloc_in_handler(void)
{
	sink = malloc(401);
	free(malloc(5));
	ledger(__func__, 401, 1);
}

SITE void site_pool_in_handler(void)
{
	pool_hook = NULL;
	sink = pool_alloc(&pool, 402);
	pool_free(&pool, pool_alloc(&pool, 5));
	ledger(__func__, 402, 1);
}

static void handler(int signal)
{
	(void)signal;
	site_malloc_in_handler();
	site_pool_in_handler();
}

static void raises(void)
{
	pool_hook = NULL;
	raise(SIGUSR1);
}

SITE void site_interrupted(void)
{
	pool_hook = raises;
	sink = pool_alloc(&pool, 403);
	ledger(__func__, 403, 1);
}

static void leaves(void)
{
	pool_hook = NULL;
	longjmp(back, 1);
}

/* Not in the ledger: what malloc gave inside of the call is lost, but never was a block of the pool. */
SITE void site_left(void)
{
	pool_hook = leaves;
	if (!setjmp(back))
		sink = pool_alloc(&pool, 404);
}

SITE void site_deeper(int depth)
{
	char volatile room[256];

	memset((char *)room, 1, sizeof(room));
	if (depth > 0) {
		site_deeper(depth - room[7]);
		return;
	}
	sink = malloc(405);
	ledger(__func__, 405, 1);
}

SITE void site_after(void)
{
	sink = pool_alloc(&pool, 406);
	ledger(__func__, 406, 1);
}

static void sleeps(void)
{
	pool_hook = NULL;
	sleep(1000);
}

static void ends(void)
{
	pool_hook = NULL;
	pthread_exit(NULL);
}

static void *call_and_never_return(void *unused)
{
	sink = pool_alloc(&pool, 407);
	return unused;
}

SITE void site_next_thread(void)
{
	sink = pool_alloc(&pool, 408);
	ledger(__func__, 408, 1);
}

static void *next_thread(void *unused)
{
	site_next_thread();
	return unused;
}

static void thread_dies(int cancel)
{
	pthread_t thread;

	pool_hook = cancel ? sleeps : ends;
	pthread_create(&thread, NULL, call_and_never_return, NULL);
	if (cancel) {
		while (pool_hook)
			usleep(1000);
		pthread_cancel(thread);
	}
	pthread_join(thread, NULL);
	/* On the same stack as the one that died. */
	pthread_create(&thread, NULL, next_thread, NULL);
	pthread_join(thread, NULL);
	site_after();
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	stack_t stack = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 };
	struct sigaction action = { .sa_handler = handler, .sa_flags = strcmp(how, "altstack") ? 0 : SA_ONSTACK };

	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	ledger_begin();
	if (!strcmp(how, "longjmp")) {
		site_left();
		site_deeper(20);
		site_after();
	} else if (!strcmp(how, "cancel") || !strcmp(how, "exit")) {
		thread_dies(!strcmp(how, "cancel"));
	} else {
		site_interrupted();
		site_after();
	}
	ledger_end();
	return 0;
}
