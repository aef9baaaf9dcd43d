// A single row, as when decoding: each weight is met once, and memory is the limit.
#ifndef RAPT_REGION
#include "rapt/linear/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN
namespace linear {

/// The sums of one row over all its inputs, for `Registers` registers of a panel. Nothing but loads and multiply-adds,
/// from one end of the panel to the other: what the hardware's prefetchers follow best.
///   x [count], weights [count][panel_lanes], bias and sums: a number for each lane
template <int Registers, class T, class W>
RAPT_NOINLINE void row_tile(const T* x, const W* weights, Index count, const T* bias, T* sums) {
  constexpr int width = Vec<T>::lanes;
  Vec<T> sum[Registers];
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) sum[r] = load(bias + r * width);
  for (Index i = 0; i < count; ++i, weights += detail::panel_lanes<T>) {
    const Vec<T> input = broadcast(x[i]);
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r) sum[r] = fma(load(weights + r * width), input, sum[r]);
  }
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) store(sums + r * width, canonical_nan(sum[r]));
}

/// All of a panel's lanes likewise, as many at a time.
template <class T, class W>
RAPT_INLINE void row_tiles(const T* x, const W* weights, Index count, const T* bias, T* sums) {
  constexpr Index lanes = detail::panel_lanes<T>, step = single_registers<T> * Vec<T>::lanes;
  for (Index lane = 0; lane < lanes; lane += step)
    row_tile<single_registers<T>>(x, weights + lane, count, bias + lane, sums + lane);
}

}  // namespace linear
RAPT_REGION_CLOSE

#endif
