// error: rapt: q, k, v and out hold float, Eigen::half or Eigen::bfloat16, each its own
#include <rapt/rapt.hpp>

void call(int* data) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  rapt::attention(x, x, x, x);
}
