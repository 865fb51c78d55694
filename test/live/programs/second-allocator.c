/* Opens jemalloc by hand (argument: its path) between two steps, and leaks with its own function and with malloc. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void *volatile sink;

int main(int argc, char **argv)
{
	void *(*mallocx)(size_t, int);
	void *library;

	(void)argc;
	puts("ready");
	fflush(stdout);
	getchar();
	library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return 1;
	mallocx = (void *(*)(size_t, int))dlsym(library, "mallocx");
	puts("opened");
	fflush(stdout);
	getchar();
	for (int i = 0; i < 5; i++)
		sink = mallocx(1000, 0);
	sink = malloc(17);
	puts("done");
	fflush(stdout);
	getchar();
	return 0;
}
