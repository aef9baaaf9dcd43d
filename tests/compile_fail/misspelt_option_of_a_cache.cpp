// note: (q, cache, out[, score][, options])
#include <rapt/rapt.hpp>

int main() {
  float x[4] = {}, out[4];
  rapt::KvCache<float> cache({.capacity = 8, .head_dim = 4});
  rapt::attention(rapt::bhsd(x, 1, 1, 1, 4), cache, rapt::bhsd(out, 1, 1, 1, 4), {.scal = 0.5});
}
