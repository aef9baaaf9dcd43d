// error: rapt: q, k, v and out hold elements of one type
#include <rapt/rapt.hpp>

void call(float* data, double* values) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  rapt::attention(x, x, rapt::bshd(values, 1, 2, 3, 4), x);
}
