// error: rapt: the fifth argument is a mask, such as rapt::causal() | rapt::window(255, 0)
#include <rapt/rapt.hpp>

void call(float* data) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  rapt::attention(x, x, x, x, 1);
}
