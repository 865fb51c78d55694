/* C++ without frame pointers: templates five deep, a virtual call, an allocation while an exception is handled. */
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#define STEP __attribute__((noinline))
#define AFTER __asm__ volatile("" ::: "memory")

static void *volatile kept;

template <int N> STEP void descend(int size)
{
	descend<N - 1>(size);
	AFTER;
}
template <> STEP void descend<0>(int size)
{
	kept = ::operator new(size);
	AFTER;
}

struct Base {
	virtual ~Base() = default;
	virtual void allocate(int size) = 0;
};
struct Derived : Base {
	STEP void allocate(int size) override
	{
		kept = new char[size];
		AFTER;
	}
};

STEP void thrower() { throw std::runtime_error("thrown"); }
STEP void catcher()
{
	try {
		thrower();
	} catch (const std::exception &) {
		kept = new char[333];
	}
	AFTER;
}

int main()
{
	Derived derived;
	Base *base = &derived;

	std::puts("ready");
	std::fflush(stdout);
	std::getchar();
	descend<5>(111);
	base->allocate(222);
	catcher();
	std::puts("done");
	std::fflush(stdout);
	std::getchar();
}
