// Files of one program share the library's code, or, if compiled for different baselines, must not: the same bits
// either way.
#include <cstdio>
#include <cstring>

#include "attend.hpp"

namespace {

bool same_bits(const float* a, const float* b, std::size_t count) {
  return std::memcmp(a, b, count * sizeof(float)) == 0;
}

}  // namespace

int main() {
  const std::vector<float> here = attend();
  const std::size_t each = here.size() / rapt::supported_isas().size();
  int failures = 0;
  const auto expect = [&](bool good, const char* what) {
    std::printf("%s  %s\n", good ? "ok    " : "FAILED", what);
    failures += !good;
  };
  for (std::size_t first = each; first < here.size(); first += each)
    expect(same_bits(&here[0], &here[first], each), "the same bits from each instruction set");
  expect(attend_in_one().size() == here.size() && same_bits(attend_in_one().data(), here.data(), here.size()),
         "one.cpp agrees with main.cpp");
  expect(attend_in_two().size() == here.size() && same_bits(attend_in_two().data(), here.data(), here.size()),
         "two.cpp agrees with main.cpp");
  expect(attend_in_native().size() == here.size() && same_bits(attend_in_native().data(), here.data(), here.size()),
         "native.cpp, compiled with -march=native, agrees with main.cpp");
  return failures;
}
