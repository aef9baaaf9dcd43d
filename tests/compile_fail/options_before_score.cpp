// note: the arguments are (q, k, v, out[, score][, options])
#include <rapt/rapt.hpp>

int main() {
  float x[4] = {}, out[4];
  const auto view = rapt::bhsd(x, 1, 1, 1, 4);
  rapt::attention(view, view, view, rapt::bhsd(out, 1, 1, 1, 4), {.scale = 0.5}, rapt::causal());
}
