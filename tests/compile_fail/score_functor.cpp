// error: rapt: the fifth argument is a mask, such as rapt::causal() | rapt::window(255, 0)
#include <rapt/rapt.hpp>

struct Mask {
  bool operator()(int query, int key) const { return key <= query; }
};

void call(float* data) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  rapt::attention(x, x, x, x, Mask{});
}
