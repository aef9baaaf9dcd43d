// error: rapt: &&, || and ! combine masks
#include <rapt/rapt.hpp>

void call(float* data) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  rapt::attention(x, x, x, x, rapt::causal() && (rapt::softcap(50) | rapt::window(9, 9)));
}
