// A single row, as when decoding: each weight is met once, and memory is the limit.
#ifndef RAPT_REGION
#include "rapt/linear/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN
namespace linear {

/// Asks for the `bytes` that come so much further on, which may be nobody's. Where narrower weights become numbers
/// between two loads, the processor sees too few loads ahead to keep the memory busy. (On a Xeon with AVX-512, weights
/// of 4 bits that only the last cache held took twice as long without.)
constexpr Index row_ahead = 8192;
template <class U> RAPT_INLINE void fetch_ahead(const U* weights, Index bytes) {
  const std::uintptr_t soon = reinterpret_cast<std::uintptr_t>(weights) + row_ahead;
  for (Index at = 0; at < bytes; at += 64) prefetch(reinterpret_cast<const void*>(soon + static_cast<std::size_t>(at)));
}

/// The sums of one row over all its inputs, for `Registers` registers of a panel. Of weights that are numbers already,
/// nothing but loads and multiply-adds, from one end of the panel to the other: what the hardware's prefetchers follow
/// best.
///   x [count], weights [count][panel_lanes], bias and sums: a number for each lane
template <int Registers, class T, class W>
RAPT_NOINLINE void row_tile(const T* x, const W* weights, Index count, const T* bias, T* sums) {
  constexpr int width = Vec<T>::lanes;
  Vec<T> sum[Registers];
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) sum[r] = load(bias + r * width);
  for (Index i = 0; i < count; ++i, weights += detail::panel_lanes<T>) {
    if constexpr (sizeof(W) < sizeof(T)) fetch_ahead(weights, detail::panel_lanes<T> * Index(sizeof(W)));
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
