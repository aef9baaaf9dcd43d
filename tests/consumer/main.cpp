// The smallest program that uses rapt, compiled as a user would: see CMakeLists.txt.
#include <cmath>
#include <cstdio>
#include <rapt/rapt.hpp>
#include <vector>

int main() {
  const rapt::Index length = 100, heads = 4, dim = 32;
  std::vector<float> q(static_cast<std::size_t>(length * heads * dim), 0.25f), k = q, v = q, out(q.size());
  const auto view = [&](std::vector<float>& x) { return rapt::bshd(x.data(), 1, length, heads, dim); };
  rapt::attention(view(q), view(k), view(v), view(out), rapt::causal());
  std::printf("%s: the mean of equal values is %g\n", rapt::name(rapt::active_isa()).data(),
              static_cast<double>(out.back()));
  return std::abs(out.back() - 0.25f) < 1e-6f ? 0 : 1;
}
