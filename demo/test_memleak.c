#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The tutorial's leaking program: three calls deep, four bytes a time. */
static void *alloc_v3(int alloc_size)
{
	void *ptr = malloc(alloc_size);

	return ptr;
}

static void *alloc_v2(int alloc_size)
{
	void *ptr = alloc_v3(alloc_size);

	return ptr;
}

static void *alloc_v1(int alloc_size)
{
	void *ptr = alloc_v2(alloc_size);

	return ptr;
}

int main(void)
{
	const int alloc_size = 4;
	void *ptr = NULL;
	int i = 0;

	for (i = 0;; i++) {
		/* The leak: nobody keeps this address, so nobody can free it. */
		ptr = alloc_v1(alloc_size);

		/* No leak: this one is freed. */
		free(malloc(1024));

		usleep(500 * 1000);
	}
}
