// One function per form of new and delete; cxx.test in attach.test.ts says what each must leave outstanding.
#include <cstdio>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

#define KEEP __attribute__((noinline)) static

struct alignas(64) Wide {
	char bytes[192];
};

struct Thrower {
	char bytes[48];
	Thrower() { throw std::runtime_error("no"); }
};

static void *volatile sink;

KEEP void leak_new() { sink = new long; }
KEEP void leak_array() { sink = new char[100]; }
KEEP void leak_nothrow() { sink = new (std::nothrow) char[41]; }
KEEP void leak_aligned() { sink = new Wide; }
KEEP void leak_aligned_array() { sink = new Wide[3]; }
KEEP void leak_vector() { sink = new std::vector<int>(1000); } // the vector and its elements

KEEP void no_leak_new() { delete new long; }
KEEP void no_leak_array() { delete[] new char[100]; }
KEEP void no_leak_aligned() { delete new Wide; }
KEEP void no_leak_aligned_array() { delete[] new Wide[3]; }
KEEP void no_leak_unique() { std::make_unique<std::vector<int>>(1000); }
KEEP void no_leak_thrown()
{
	try {
		sink = new Thrower; // the constructor throws, so the block is deleted
	} catch (const std::runtime_error &) {
	}
}

int main()
{
	std::puts("ready");
	std::fflush(stdout);
	std::getchar();
	for (int i = 0; i < 5; i++) {
		leak_new();
		leak_array();
		leak_nothrow();
		leak_aligned();
		leak_aligned_array();
		leak_vector();
		no_leak_new();
		no_leak_array();
		no_leak_aligned();
		no_leak_aligned_array();
		no_leak_unique();
		no_leak_thrown();
	}
	std::puts("done");
	std::fflush(stdout);
	std::getchar();
	return 0;
}
