/*
 * Leaks 24 bytes for each line on stdin, two calls deep. Built with -DPROGRAM it is the program, with -DLIBRARY the
 * library that leaks for it, with both a program that does it alone.
 */
#include <stdlib.h>
#ifdef PROGRAM
#include <stdio.h>

extern void *library_leak(int size);

__attribute__((noinline)) static void *program_leak(int size)
{
	void *p = library_leak(size);

	return p;
}

int main(void)
{
	puts("ready");
	fflush(stdout);
	for (;;) {
		getchar();
		program_leak(24);
		puts("leaked");
		fflush(stdout);
	}
}
#endif

#ifdef LIBRARY
__attribute__((noinline)) static void *inner_leak(int size)
{
	void *p = malloc(size);

	return p;
}

void *library_leak(int size)
{
	void *p = inner_leak(size);

	return p;
}
#endif
