// error: rapt: the fifth argument is made of stages, such as rapt::softcap(50) | rapt::causal(), or a function
#include <rapt/rapt.hpp>

struct Mask {
  bool operator()(int query, int key) const { return key <= query; }
};

void call(float* data) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  rapt::attention(x, x, x, x, Mask{});
}
