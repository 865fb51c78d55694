/* Allocates 1000 blocks of 16 bytes and keeps them. */
#include <stdio.h>
#include <stdlib.h>

static void *kept[1000];

int main(void)
{
	puts("ready");
	fflush(stdout);
	getchar();
	for (int i = 0; i < 1000; i++)
		kept[i] = malloc(16);
	puts("done");
	fflush(stdout);
	getchar();
	return 0;
}
