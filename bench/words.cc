// Counts words: a C++ program whose debug information brings the standard library's inlined functions.

#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>

int main() {
  std::unordered_map<std::string, size_t> counts;
  const std::regex word("[a-z]+", std::regex::icase);
  for (std::string line; std::getline(std::cin, line);) {
    for (std::sregex_iterator it(line.begin(), line.end(), word), end; it != end; ++it) ++counts[it->str()];
  }
  std::map<size_t, std::vector<std::string>> sorted;
  for (const auto& [text, count] : counts) sorted[count].push_back(text);
  for (auto& [count, words] : sorted) {
    std::sort(words.begin(), words.end());
    std::cout << count;
    for (const auto& text : words) std::cout << ' ' << text;
    std::cout << '\n';
  }
}
