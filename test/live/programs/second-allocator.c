/* Opens mimalloc by hand (argument: its path) between two steps, and leaks with its own function and with malloc. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void *volatile sink;

int main(int argc, char **argv)
{
	void *(*mi_malloc)(size_t);
	void *library;

	(void)argc;
	puts("ready");
	fflush(stdout);
	getchar();
	library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return 1;
	mi_malloc = (void *(*)(size_t))dlsym(library, "mi_malloc");
	puts("opened");
	fflush(stdout);
	getchar();
	for (int i = 0; i < 5; i++)
		sink = mi_malloc(1000);
	sink = malloc(17);
	puts("done");
	fflush(stdout);
	getchar();
	return 0;
}
