// Rows of a view, turned: some positions of all heads.
#ifndef RAPT_REGION
#include "rapt/rope/rotate.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Item i: a block of positions of one batch entry, in the order in which they stand in memory. A block's angles stay
/// in the first-level cache while the heads go by.
template <class T> RAPT_NOINLINE void rotate_item(const detail::RotateWork<T>& work, Index item) {
  const Leaving leaving;
  const Index b = item / work.blocks(), begin = item % work.blocks() * work.block, heads = work.y.heads();
  const Index end = begin + work.block < work.y.length() ? begin + work.block : work.y.length();
  const Index together = work.heads_inside() ? heads : 1;
  for (Index head = 0; head < heads; head += together)
    for (Index s = begin; s < end; ++s) {
      const detail::Turn<T> turn = work.turn_at(b, s);
      for (Index h = head; h < head + together; ++h)
        turn_row(turn, work.x.row(b, h, s), work.x.stride[3], work.y.row(b, h, s), work.y.stride[3]);
    }
}

template <class T> detail::RotateKernel<T> rotate_kernel() { return &rotate_item<T>; }

RAPT_REGION_CLOSE

#endif
