/*
 * Starts children in every way and is none the worse: what they free and allocate is theirs. At the end it exits, when
 * told to, with its blocks live.
 */
#define _GNU_SOURCE
#include "ledger.h"
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static void *kept[10];
static void *volatile sink;

SITE void site_kept(void)
{
	for (int i = 0; i < 10; i++)
		kept[i] = malloc(100);
	ledger(__func__, 1000, 10);
}

static void must_end_well(pid_t child)
{
	int status;

	if (child <= 0 || waitpid(child, &status, 0) != child || status)
		abort();
}

/* The child's copy is its own. */
SITE void site_forks(void)
{
	pid_t child = fork();

	if (child == 0) {
		for (int i = 0; i < 10; i++)
			free(kept[i]);
		for (int i = 0; i < 50; i++)
			sink = malloc(1000);
		_exit(0);
	}
	must_end_well(child);
	ledger(__func__, 0, 0);
}

/* The child shares our memory until it executes. */
SITE void site_vforks(void)
{
	pid_t child = vfork();

	if (child == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	must_end_well(child);
	ledger(__func__, 0, 0);
}

SITE void site_spawns(void)
{
	char *args[] = { "true", NULL };
	pid_t child;

	if (posix_spawn(&child, "/bin/true", NULL, NULL, args, environ))
		abort();
	must_end_well(child);
	ledger(__func__, 0, 0);
}

/* Afterwards the account goes on. */
SITE void site_after(void)
{
	free(kept[0]);
	ledger("site_kept", -100, -1);
	sink = malloc(77);
	ledger(__func__, 77, 1);
}

int main(void)
{
	ledger_begin();
	site_kept();
	site_forks();
	site_vforks();
	site_spawns();
	site_after();
	ledger_end();
	return 0;
}
