// The softmax state of one row, and its scores of a tile turned into weights, with the keys in the lanes.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Of all lanes together, in every lane: the largest, and the sum by the contract's tree, x[j] += x[j + h] for h from
/// half the lanes down to 1. (The sum's tree is that of lane 0; the other lanes add up in another order.)
template <int H, class T> RAPT_INLINE Vec<T> largest_lane(Vec<T> x) {
  if constexpr (H == 0)
    return x;
  else
    return largest_lane<H / 2>(max(x, rotate<H>(x)));
}
template <int H, class T> RAPT_INLINE Vec<T> sum_lanes(Vec<T> x) {
  if constexpr (H == 0)
    return x;
  else
    return sum_lanes<H / 2>(add(x, rotate<H>(x)));
}

/// The same tree over registers, written from its root: the sum of every `Step`-th register of a tile.
template <int Step, class T> RAPT_INLINE Vec<T> sum_registers(const T* weights) {
  constexpr int width = Vec<T>::lanes;
  if constexpr (Step * width == contract::tile)
    return load(weights);
  else
    return add(sum_registers<2 * Step>(weights), sum_registers<2 * Step>(weights + Step * width));
}

template <class T> RAPT_INLINE T lane_0(Vec<T> x) {
  T lanes[Vec<T>::lanes];
  store(lanes, x);
  return lanes[0];
}

/// One tile of the online softmax for one row: its scores [tile], filled up, become weights in place, and (m, l) takes
/// them in. `factor` receives what the row's weighted values are to be multiplied with first. Returns whether that
/// differs from 1.
template <class T, class Keep> RAPT_NOINLINE bool soften_row(T* scores, Keep keep, T& m, T& l, T& factor) {
  constexpr int width = Vec<T>::lanes;
  const Vec<T> lowest = broadcast(std::numeric_limits<T>::lowest());
  Vec<T> largest = lowest;
  for (int at = 0; at < contract::tile; at += width)
    largest = max(keep.or_else(at, load(scores + at), lowest), largest);
  const Vec<T> before = broadcast(m);
  Vec<T> reference = before;
  const Vec<T> alpha = advance(reference, largest_lane<width / 2>(largest));

  for (int at = 0; at < contract::tile; at += width)
    store(scores + at, keep.or_else(at, exp(sub(load(scores + at), reference)), broadcast(T(0))));
  const Vec<T> sum = sum_lanes<width / 2>(sum_registers<1>(scores));
  m = lane_0(reference);
  l = lane_0(fma(broadcast(l), alpha, sum));
  factor = lane_0(alpha);
  return any(greater(reference, before));
}

RAPT_REGION_CLOSE

#endif
