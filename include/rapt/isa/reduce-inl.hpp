// What the lanes of a register come to together.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
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

template <class T> RAPT_INLINE T lane_0(Vec<T> x) {
  T lanes[Vec<T>::lanes];
  store(lanes, x);
  return lanes[0];
}

RAPT_REGION_CLOSE

#endif
