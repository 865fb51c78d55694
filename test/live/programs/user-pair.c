/* Uses the allocators of pool.c, and one of its own. Each site keeps one block and gives another one back. */
#include "ledger.h"
#include "pool.h"

static struct pool pool;
static void *volatile sink;

/* The program's own: the block is stored through the first argument. */
static char own_memory[1 << 16];
static size_t own_used;
__attribute__((noinline)) static void *own_alloc(size_t size)
{
	own_used += 64 + size;
	return own_memory + own_used - size;
}
__attribute__((noinline)) static void own_free(void *p)
{
	*(volatile char *)p = 1;
}

#define KEEPS(site, bytes, keep, give_back) \
	SITE void site(void) { sink = keep; give_back; ledger(__func__, bytes, 1); }

static void *by_out(size_t size)
{
	void *p;

	return pool_memalign(&p, 64, size) ? NULL : p;
}

KEEPS(site_own, 301, own_alloc(301), own_free(own_alloc(5)))
KEEPS(site_static, 302, library_alloc(302), library_free(library_alloc(5)))
KEEPS(site_pool, 303, pool_alloc(&pool, 303), pool_free(&pool, pool_alloc(&pool, 5)))
KEEPS(site_calloc, 7 * 44, pool_calloc(7, 44), pool_free(&pool, pool_calloc(5, 5)))
KEEPS(site_out, 305, by_out(305), pool_free(&pool, by_out(5)))
KEEPS(site_node, 48, pool_node(&pool), pool_free(&pool, pool_node(&pool)))
SITE void site_fails(void)
{
	sink = pool_alloc(&pool, 2 << 20);
	sink = by_out(2 << 20);
	ledger(__func__, 0, 0);
}
static void *moving;
SITE void site_before(void) { moving = pool_realloc(NULL, 10); ledger(__func__, 0, 0); }
SITE void site_realloc(void)
{
	moving = pool_realloc(moving, 306);
	if (pool_realloc(moving, 2 << 20))
		abort();
	ledger(__func__, 306, 1);
}
/* Beside the pair, malloc is accounted as ever. */
KEEPS(site_malloc, 307, malloc(307), free(malloc(5)))

int main(void)
{
	free(malloc(1));
	ledger_begin();
	site_own(), site_static(), site_pool(), site_calloc(), site_out(), site_node(), site_fails(), site_before();
	site_realloc(), site_malloc();
	ledger_end();
	return 0;
}
