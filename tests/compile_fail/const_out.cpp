// error: rapt: out is written to, so its elements can't be const
#include <rapt/rapt.hpp>

void call(float* data, const float* out) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  rapt::attention(x, x, x, rapt::bshd(out, 1, 2, 3, 4));
}
