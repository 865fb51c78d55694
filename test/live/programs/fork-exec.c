/*
 * Leaks, forks a child that frees its copies and leaks for itself, starts a program, and then executes itself anew and
 * leaks again. Waits for a line on stdin before each step.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEEP __attribute__((noinline)) static

static void *kept[10];
static void *volatile sink;

KEEP void parent_leak(void)
{
	for (int i = 0; i < 10; i++)
		kept[i] = malloc(100);
}

KEEP void child_leak(void)
{
	for (int i = 0; i < 50; i++)
		sink = malloc(1000);
}

KEEP void leak_after_exec(void)
{
	for (int i = 0; i < 7; i++)
		sink = malloc(60);
}

static void step(const char *name)
{
	puts(name);
	fflush(stdout);
	getchar();
}

int main(int argc, char **argv)
{
	int status;
	pid_t child;

	setvbuf(stdin, NULL, _IONBF, 0); /* the next program reads on where this one stops */
	if (argc > 1) {
		step("executed");
		leak_after_exec();
		step("done");
		return 0;
	}
	step("ready");
	parent_leak();
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 10; i++)
			free(kept[i]);
		child_leak();
		_exit(7);
	}
	waitpid(child, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
		return 1;
	if (system("exit 3") != 3 << 8)
		return 2;
	step("forked");
	execl("/proc/self/exe", argv[0], "again", (char *)NULL);
	return 3;
}
