// operator new and delete in every form, called by name so that no compiler can leave a pair out. Each site keeps the
// first block and gives the second one back.
#include <new>
extern "C" {
#include "ledger.h"
}

static void *volatile sink;
static const std::align_val_t A{64};

#define KEEPS(site, bytes, keep, give_back) \
	extern "C" __attribute__((noinline)) void site() { sink = keep; give_back; ledger(__func__, bytes, 1); }

#define N ::operator new
#define NA ::operator new[]
#define D ::operator delete
#define DA ::operator delete[]
KEEPS(site_new, 201, N(201), D(N(5)))
KEEPS(site_array, 202, NA(202), DA(NA(5)))
KEEPS(site_nothrow, 203, N(203, std::nothrow), D(N(5, std::nothrow), std::nothrow))
KEEPS(site_array_nothrow, 204, NA(204, std::nothrow), DA(NA(5, std::nothrow), std::nothrow))
KEEPS(site_sized, 205, N(205), D(N(50), std::size_t(50)))
KEEPS(site_array_sized, 206, NA(206), DA(NA(50), std::size_t(50)))
KEEPS(site_aligned, 256, N(256, A), D(N(64, A), A))
KEEPS(site_array_aligned, 320, NA(320, A), DA(NA(64, A), A))
KEEPS(site_aligned_nothrow, 384, N(384, A, std::nothrow), D(N(64, A, std::nothrow), A, std::nothrow))
KEEPS(site_array_aligned_nothrow, 448, NA(448, A, std::nothrow), DA(NA(64, A, std::nothrow), A, std::nothrow))
KEEPS(site_sized_aligned, 512, N(512, A), D(N(64, A), std::size_t(64), A))
KEEPS(site_array_sized_aligned, 576, NA(576, A), DA(NA(64, A), std::size_t(64), A))
KEEPS(site_large, 5000001, N(5000001), D(N(5000000), std::size_t(5000000)))

extern "C" __attribute__((noinline)) void site_fails()
{
	std::size_t volatile huge = ~std::size_t(0) / 2;

	sink = N(huge, std::nothrow);
	try {
		sink = N(huge); // leaves by an exception
	} catch (const std::bad_alloc &) {
	}
	ledger(__func__, 0, 0);
}

// After that exception, further down the stack than the call that it left.
extern "C" __attribute__((noinline)) void site_after_exception(int depth)
{
	char volatile room[64];

	room[0] = 1;
	if (depth > 0)
		return site_after_exception(depth - room[0]);
	sink = N(77);
	ledger(__func__, 77, 1);
}

#if defined(OWN)
// The program's own: no malloc is under them.
static char arena[1 << 24];
static std::size_t used;
static void *take(std::size_t size, std::size_t alignment)
{
	used = (used + alignment - 1) / alignment * alignment;
	used += size;
	return used > sizeof(arena) ? nullptr : arena + used - size;
}
void *operator new(std::size_t size)
{
	if (size > sizeof(arena))
		throw std::bad_alloc();
	return take(size, 16);
}
void *operator new(std::size_t size, std::align_val_t a) { return take(size, std::size_t(a)); }
void operator delete(void *) noexcept {}
void operator delete(void *, std::align_val_t) noexcept {}
#endif

// With an argument: also calls that fail.
int main(int argc, char **)
{
	free(malloc(1));
	D(N(1));
	try {
		throw 1; // what exceptions need is there
	} catch (int) {
	}
	ledger_begin();
	site_new(), site_array(), site_nothrow(), site_array_nothrow(), site_sized(), site_array_sized(), site_aligned();
	site_array_aligned(), site_aligned_nothrow(), site_array_aligned_nothrow(), site_sized_aligned();
	site_array_sized_aligned(), site_large();
	if (argc > 1)
		site_fails(), site_after_exception(20);
	ledger_end();
	return 0;
}
