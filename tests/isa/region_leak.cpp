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

template <class W> void project(float* data) {
  const rapt::Linear<float, W> linear(rapt::row_major<const float>(data, 3, 33));
  linear(rapt::row_major<const float>(data, 2, 33), rapt::row_major(data + 66, 2, 3));
}

template void project<rapt::int8>(float*);
template void project<rapt::q8_0>(float*);
template void project<rapt::q4_0>(float*);
template void project<rapt::q5_1>(float*);
template void project<Eigen::half>(float*);

void attend_in_pairs(Eigen::bfloat16* data) {
  const auto x = rapt::bshd(data, 1, 2, 3, 4);
  rapt::attention(x, x, x, x, rapt::causal() | rapt::window(7, 0));
}
