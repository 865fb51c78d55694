/*
 * C++ that allocates where its stacks are unusual: in deep templates, behind std::function and virtual calls, in
 * destructors that run while an exception passes, in its handlers, in threads, futures and coroutines, in the library's
 * own algorithms. Prints `ready`, works from the next line on stdin to the one after, and prints `done`.
 */
#include <algorithm>
#include <any>
#include <atomic>
#include <cstdio>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <poll.h>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#define STEP __attribute__((noinline))

static std::atomic<bool> stopped;

template <class T> STEP void use(T const &value) { __asm__ volatile("" : : "r"(&value) : "memory"); }

STEP void plain(unsigned long x)
{
	use(std::make_unique<char[]>(x % 300 + 1));
	use(std::vector<double>(x % 7 + 1));
}

template <int N, class... Types> struct Deep {
	STEP static unsigned long run(unsigned long x, std::tuple<Types...> const &values)
	{
		auto more = std::tuple_cat(values, std::make_tuple(std::string(x % 40, 'a')));
		return Deep<N - 1, Types..., std::string>::run(x + 1, more) + std::get<std::string>(std::make_tuple(std::string("b"))).size();
	}
};
template <class... Types> struct Deep<0, Types...> {
	STEP static unsigned long run(unsigned long x, std::tuple<Types...> const &)
	{
		plain(x);
		return x;
	}
};
STEP void templates(unsigned long x) { use(Deep<9>::run(x, {})); }

/* Allocates while it is destroyed: also when an exception passes through its owner's frame. */
struct Noisy {
	unsigned long x;
	explicit Noisy(unsigned long value) : x(value) { plain(x); }
	STEP ~Noisy() { plain(x); use(std::string(x % 64, 'd')); }
};

STEP unsigned long thrower(unsigned long x, int depth)
{
	Noisy noisy(x + depth);
	if (depth == 0) {
		if (x % 2)
			throw std::runtime_error(std::string(100, 'r'));
		throw x;
	}
	return thrower(x, depth - 1) + noisy.x;
}
STEP unsigned long rethrower(unsigned long x)
{
	try {
		return thrower(x, x % 6);
	} catch (std::exception const &error) {
		use(std::string(error.what()));
		throw;
	}
}
STEP void exceptions(unsigned long x)
{
	try {
		Noisy noisy(x);
		rethrower(x);
	} catch (std::runtime_error &error) {
		try {
			std::throw_with_nested(std::logic_error("nested"));
		} catch (std::exception const &outer) {
			plain(x);
		}
	} catch (unsigned long number) {
		plain(number);
	}
}

struct Shape {
	virtual ~Shape() = default;
	virtual std::string name(unsigned long x) const = 0;
};
struct Square : virtual Shape {
	std::string name(unsigned long x) const override { return std::string(x % 50 + 20, 's'); }
};
struct Circle : virtual Shape {
	std::string name(unsigned long x) const override { plain(x); return "circle of some considerable radius"; }
};
struct Both : Square, Circle {
	std::string name(unsigned long x) const override { return Square::name(x) + Circle::name(x); }
};

STEP void functions(unsigned long x)
{
	std::vector<std::function<unsigned long(unsigned long)>> steps;
	for (unsigned long i = 0; i < 4; i++)
		steps.push_back([i, text = std::string(40, 'f')](unsigned long y) { plain(y + i); return y + text.size(); });
	std::function<unsigned long(unsigned long)> all = [&](unsigned long y) {
		for (auto const &step : steps)
			y = step(y);
		return y;
	};
	use(all(x));
	std::unique_ptr<Shape> shapes[] = { std::make_unique<Square>(), std::make_unique<Circle>(), std::make_unique<Both>() };
	for (auto const &shape : shapes)
		use(shape->name(x));
}

STEP void library(unsigned long x)
{
	std::map<std::string, std::vector<std::any>> table;
	for (unsigned long i = 0; i < 12; i++)
		table[std::to_string(x * i % 17) + std::string(20, 'k')].push_back(std::string(i, 'v'));
	std::vector<std::string> keys;
	for (auto const &[key, values] : table)
		keys.push_back(key);
	std::sort(keys.begin(), keys.end(), [](auto a, auto b) { plain(a.size()); return b < a; });
	std::stable_sort(keys.begin(), keys.end());
	std::ostringstream text;
	text << x << ' ' << 1.5 * x << ' ' << keys[0];
	std::smatch match;
	std::string subject = text.str();
	use(std::regex_search(subject, match, std::regex("([0-9]+)(\\.[0-9]+)? k+$")));
	std::variant<int, std::string> either = std::string(50, 'w');
	std::visit([](auto const &value) { use(value); plain(sizeof value); }, either);
	try {
		use(std::stoi("none"));
	} catch (std::invalid_argument const &) {
		plain(x);
	}
}

STEP void threads(unsigned long x)
{
	thread_local Noisy at_exit(1);
	std::thread thread([x] {
		thread_local Noisy local(x);
		exceptions(local.x);
	});
	auto future = std::async(std::launch::async, [x] { functions(x); return std::string(60, 'a'); });
	use(future.get());
	thread.join();
	std::packaged_task<int()> failing([]() -> int { throw std::runtime_error("in a task"); });
	auto result = failing.get_future();
	failing();
	try {
		result.get();
	} catch (std::runtime_error const &) {
		plain(x);
	}
}

#if defined(__cpp_impl_coroutine)
#include <coroutine>
struct Generator {
	struct promise_type {
		unsigned long value = 0;
		Generator get_return_object() { return Generator{ std::coroutine_handle<promise_type>::from_promise(*this) }; }
		std::suspend_always initial_suspend() noexcept { return {}; }
		std::suspend_always final_suspend() noexcept { return {}; }
		std::suspend_always yield_value(unsigned long next) { value = next; return {}; }
		void return_void() {}
		void unhandled_exception() { throw; }
	};
	std::coroutine_handle<promise_type> handle;
	~Generator() { handle.destroy(); }
};
STEP Generator generate(unsigned long x)
{
	Noisy noisy(x);
	for (int i = 0; i < 4; i++) {
		plain(x + i);
		co_yield x + i;
	}
	throw std::runtime_error("out of a coroutine");
}
STEP void coroutines(unsigned long x)
{
	Generator generator = generate(x);
	try {
		while (!generator.handle.done())
			generator.handle.resume();
	} catch (std::runtime_error const &) {
		plain(x);
	}
}
#else
STEP void coroutines(unsigned long x) { plain(x); }
#endif

int main()
{
	void (*const steps[])(unsigned long) = { templates, exceptions, functions, library, threads, coroutines };
	struct pollfd input = { 0, POLLIN, 0 };

	std::puts("ready");
	std::fflush(stdout);
	std::getchar();
	std::thread other([&] {
		for (unsigned long x = 3; !stopped; x++)
			steps[x % 4](x * 2654435761UL >> 5);
	});
	for (unsigned long x = 1; poll(&input, 1, 0) == 0; x++)
		steps[x % 6](x * 2654435761UL >> 7);
	stopped = true;
	other.join();
	std::puts("done");
}
