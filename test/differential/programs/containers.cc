// The C++ program: templates, lambdas, local classes, exceptions, and enough of the library to have deep inlining.
#include "shapes.h"
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <unordered_map>
#include <variant>

namespace {

struct Counter {
  std::unordered_map<std::string, int> counts;
  void add(std::string_view word) { ++counts[std::string(word)]; }
  std::vector<std::pair<std::string, int>> sorted() const {
    std::vector<std::pair<std::string, int>> result(counts.begin(), counts.end());
    std::sort(result.begin(), result.end(), [](const auto& a, const auto& b) {
      return a.second != b.second ? a.second > b.second : a.first < b.first;
    });
    return result;
  }
};

using Value = std::variant<int, double, std::string, std::vector<int>>;

struct Printer {
  std::ostream& out;
  void operator()(int value) const { out << "int " << value; }
  void operator()(double value) const { out << "double " << value; }
  void operator()(const std::string& value) const { out << "string " << value; }
  void operator()(const std::vector<int>& values) const {
    for (int value : values) out << value << ',';
  }
};

template <typename Key, typename Compare>
class Index {
 public:
  explicit Index(Compare compare) : entries_(compare) {}
  void insert(const Key& key, int value) { entries_.emplace(key, value); }
  std::optional<int> find(const Key& key) const {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::map<Key, int, Compare> entries_;
};

std::vector<std::string> words(const std::string& text) {
  static const std::regex word(R"(([a-z]+)(\d*))", std::regex::icase);
  std::vector<std::string> result;
  for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it) result.push_back((*it)[1]);
  return result;
}

int depth(int n) {
  struct Local {
    int n;
    int next() const { return n / 2; }
  };
  return n == 0 ? 0 : 1 + depth(Local{n}.next());
}

template <int N>
int unrolled(const int* values) {
  if constexpr (N == 0) return 0;
  else return values[0] * N + unrolled<N - 1>(values + 1);
}

int guarded(const std::string& kind) {
  try {
    return static_cast<int>(geometry::make(kind, 2)->area());
  } catch (const std::runtime_error& error) {
    std::cerr << error.what() << '\n';
    return -1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  Counter counter;
  for (const auto& word : words(argc > 1 ? argv[1] : "the quick brown fox1 jumps over2 the lazy dog")) counter.add(word);
  for (const auto& [word, count] : counter.sorted()) std::cout << word << ' ' << count << '\n';
  std::vector<std::unique_ptr<geometry::Shape>> shapes;
  for (const char* kind : {"circle", "square", "hexagon"}) shapes.push_back(geometry::make(kind, argc));
  Index<std::string, std::function<bool(const std::string&, const std::string&)>> index(std::less<>{});
  index.insert("one", 1);
  std::ostringstream text;
  for (const Value& value : {Value(1), Value(2.5), Value("three"), Value(std::vector{4, 5})})
    std::visit(Printer{text}, value);
  std::set<int> numbers;
  std::generate_n(std::inserter(numbers, numbers.end()), 20, [n = 0]() mutable { return n++ * 7 % 11; });
  const int values[] = {argc, 2, 3, 4, 5, 6, 7, 8};
  std::cout << geometry::total_area(shapes) << ' ' << index.find("one").value_or(0) << ' ' << text.str() << ' '
            << numbers.size() << ' ' << depth(argc * 100) << ' ' << unrolled<8>(values) << ' ' << guarded("line") << '\n';
}
