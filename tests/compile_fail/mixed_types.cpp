// error: rapt: if any of q, k, v and out holds double, all of them do
#include <rapt/rapt.hpp>

void call(float* data, double* values) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  rapt::attention(x, x, rapt::bshd(values, 1, 2, 3, 4), x);
}
