// Queries, from rows in the caller's memory to lanes: [row][dim] becomes scale · [dim][lane].
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Packs `count` queries, a multiple of a register, to lanes: packed[d * lanes + lane] = scale * queries[lane][d *
/// stride], rounded once.
template <class T>
RAPT_NOINLINE void pack_queries(const T* const* queries, Index stride, Index head_dim, T scale, int lanes, int count,
                                T* packed) {
  constexpr int width = Vec<T>::lanes;
  for (int lane = 0; lane < count; lane += width) {
    Index d = 0;
    for (; stride == 1 && head_dim >= width && d < head_dim; d += width) {
      d = d + width <= head_dim ? d : head_dim - width;  // the last square takes in some dims a second time
      Vec<T> square[width];
      RAPT_UNROLL
      for (int i = 0; i < width; ++i) square[i] = mul(load(queries[lane + i] + d), broadcast(scale));
      transpose<T>(square);
      RAPT_UNROLL
      for (int i = 0; i < width; ++i) store(packed + (d + i) * lanes + lane, square[i]);
    }
    for (; d < head_dim; ++d)
      for (int i = 0; i < width; ++i) packed[d * lanes + lane + i] = scale * queries[lane + i][d * stride];
  }
}

RAPT_REGION_CLOSE

#endif
