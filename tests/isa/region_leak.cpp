// Not run: region_leak.sh reads its machine code.
#include <Eigen/Core>
#include <rapt/rapt.hpp>

template <class T> void attend(T* data) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  rapt::attention(x, x, x, x);
  rapt::attention(x, x, x, x, rapt::causal() | rapt::window(7, 0));
  rapt::rms_norm(x, {data, 4}, x);
}

template void attend(float*);
template void attend(double*);

void attend_in_quads(float* data) {
  rapt::KvCache<rapt::int8, rapt::q5_1> cache({1, 3, 16, 4});
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  cache.append(x, x);
  rapt::attention(x, cache, x, rapt::causal());
}

void attend_in_pairs(Eigen::bfloat16* data) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  rapt::attention(x, x, x, x, rapt::causal() | rapt::window(7, 0));
}
