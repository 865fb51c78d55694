#include "pool.h"
#include <stdlib.h>
#include <string.h>

void (*pool_hook)(void);

/* Every block comes from malloc, behind a header: so the pair's calls contain malloc and free. */
void *pool_alloc(struct pool *pool, size_t size)
{
	char *p = size > 1 << 20 ? NULL : malloc(size + 16);

	(void)pool;
	if (pool_hook)
		pool_hook();
	return p ? p + 16 : NULL;
}

void pool_free(struct pool *pool, void *p)
{
	(void)pool;
	if (p)
		free((char *)p - 16);
}

void *pool_calloc(size_t count, size_t size) { return pool_alloc(NULL, count * size); }
void *pool_node(struct pool *pool) { return pool_alloc(pool, 48); }

void *pool_realloc(void *old, size_t size)
{
	void *new = pool_alloc(NULL, size);

	if (!new)
		return NULL;
	if (old) {
		memcpy(new, old, 1);
		pool_free(NULL, old);
	}
	return new;
}

int pool_memalign(void **out, size_t alignment, size_t size)
{
	(void)alignment;
	*out = pool_alloc(NULL, size);
	return *out ? 0 : 12;
}

/* Out of memory of its own: neither malloc nor mmap is under it. */
static char arena[1 << 20];
static size_t used;

__attribute__((noinline)) static void *hidden_alloc(size_t size)
{
	used += (size + 15) / 16 * 16;
	return arena + used - (size + 15) / 16 * 16;
}

__attribute__((noinline)) static void hidden_free(void *p)
{
	*(volatile char *)p = 1;
}

void *library_alloc(size_t size) { return hidden_alloc(size); }
void library_free(void *p) { hidden_free(p); }
