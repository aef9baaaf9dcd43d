// One row of several states, merged: a weighted sum of their outputs.
#ifndef RAPT_REGION
#include "rapt/state/merge.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// out[d] = fma(weight[i], states[i][d], out[d]) over the states, ascending, from 0. A state of weight 0 has no part in
/// it, whatever its bits. `out` may be one of the states.
template <class T>
RAPT_NOINLINE void merge_row(const detail::StateRows<T>& rows, const T* weights, Index count, Index dim, T* out,
                             Index out_stride) {
  const Leaving leaving;
  constexpr int width = Vec<T>::lanes;
  bool packed = out_stride == 1;
  for (Index i = 0; i < count; ++i) packed = packed && rows.stride[i] == 1;
  Index d = 0;
  for (; packed && d + width <= dim; d += width) {
    Vec<T> sum = broadcast(T(0));
    for (Index i = 0; i < count; ++i)
      if (weights[i] != T(0)) sum = fma(broadcast(weights[i]), load(rows.out[i] + d), sum);
    store(out + d, select(is_nan(sum), broadcast(std::numeric_limits<T>::quiet_NaN()), sum));
  }
  for (; d < dim; ++d) {
    T sum = 0;
    for (Index i = 0; i < count; ++i)
      if (weights[i] != T(0)) sum = ieee::fma(weights[i], rows.out[i][d * rows.stride[i]], sum);
    out[d * out_stride] = sum != sum ? std::numeric_limits<T>::quiet_NaN() : sum;
  }
}

template <class T> constexpr detail::MergeRow<T> merge_row_kernel() { return &merge_row<T>; }

RAPT_REGION_CLOSE

#endif
