/* Leaves one block; then frees it, and leaves another one, which gets its address. Prints the address of each. */
#include <stdio.h>
#include <stdlib.h>

static void *volatile kept;

__attribute__((noinline)) static void site_first(void) { kept = malloc(500); }
__attribute__((noinline)) static void site_second(void)
{
	free(kept);
	kept = malloc(499);
}

int main(void)
{
	setvbuf(stdin, NULL, _IONBF, 0);
	puts("ready");
	fflush(stdout);
	getchar();
	site_first();
	printf("%p\n", kept);
	fflush(stdout);
	getchar();
	site_second();
	printf("%p\n", kept);
	fflush(stdout);
	getchar();
	return 0;
}
