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

/// The same of pairs of dims, rounded to bfloat16 and not scaled: packed[pair * lanes + lane].
template <class T>
RAPT_NOINLINE void pack_query_pairs(const T* const* queries, Index stride, Index head_dim, int lanes, int count,
                                    detail::Pair* packed) {
  constexpr int width = Vec<T>::lanes;
  for (int lane = 0; lane < count; lane += width) {
    Index d = 0;
    for (; stride == 1 && width > 1 && d + width <= head_dim; d += width) {
      Vec<T> square[width];
      RAPT_UNROLL
      for (int i = 0; i < width; ++i) square[i] = round_to_bfloat16(load(queries[lane + i] + d));
      transpose<T>(square);
      RAPT_UNROLL
      for (int i = 0; i + 1 < width; i += 2) store(packed + (d + i) / 2 * lanes + lane, pair(square[i], square[i + 1]));
    }
    for (; d < head_dim; d += 2)
      for (int i = 0; i < width; ++i) {
        const T* const query = queries[lane + i];
        packed[d / 2 * lanes + lane + i] =
            detail::pair_of(query[d * stride], d + 1 < head_dim ? query[(d + 1) * stride] : T(0));
      }
  }
}

RAPT_REGION_CLOSE

#endif
