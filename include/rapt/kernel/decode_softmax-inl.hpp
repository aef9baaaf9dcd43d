// The softmax state of one row, and its scores of a tile turned into weights, with the keys in the lanes.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// The tree of sum_lanes over registers, written from its root: the sum of every `Step`-th register of a tile.
template <int Step, class T> RAPT_INLINE Vec<T> sum_registers(const T* weights) {
  constexpr int width = Vec<T>::lanes;
  if constexpr (Step * width == contract::tile)
    return load(weights);
  else
    return add(sum_registers<2 * Step>(weights), sum_registers<2 * Step>(weights + Step * width));
}

/// One tile of the online softmax for `count` rows: their scores [count][tile], filled up, become weights in place, and
/// (m, l) of each takes them in. `factor` receives what a row's weighted values are to be multiplied with first:
/// exactly 1 where the reference stays. Step by step for all rows, as what the lanes come to together is a chain, of
/// which the processor goes through several at once.
template <class T, class Keep>
RAPT_NOINLINE void soften_rows(T* scores, Index count, Keep keep, T* m, T* l, T* factor) {
  constexpr int width = Vec<T>::lanes;
  const Vec<T> lowest = broadcast(std::numeric_limits<T>::lowest());
  for (Index r = 0; r < count; ++r) {
    Vec<T> largest = lowest, reference = broadcast(m[r]);
    for (int i = 0; i < contract::tile; i += width) {
      const Index at = r * contract::tile + i;
      largest = max(keep.or_else(at, load(scores + at), lowest), largest);
    }
    factor[r] = lane_0(advance(reference, largest_lane<width / 2>(largest)));
    m[r] = lane_0(reference);
  }
  for (Index r = 0; r < count; ++r) {
    const Vec<T> reference = broadcast(m[r]);
    for (int i = 0; i < contract::tile; i += width) {
      const Index at = r * contract::tile + i;
      store(scores + at, keep.or_else(at, exp(sub(load(scores + at), reference)), broadcast(T(0))));
    }
  }
  for (Index r = 0; r < count; ++r) {
    const Vec<T> sum = sum_lanes<width / 2>(sum_registers<1>(scores + r * contract::tile));
    l[r] = lane_0(fma(broadcast(l[r]), broadcast(factor[r]), sum));
  }
}

RAPT_REGION_CLOSE

#endif
