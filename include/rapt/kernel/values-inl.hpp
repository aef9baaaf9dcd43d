// Weighted values: o[d] takes in weight[j] · value[j][d] for j ascending, with the queries in the lanes.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

template <int Dims, int Registers, class E, class T>
RAPT_INLINE void value_step(const E* weights, const E* row, Vec<T> (&sum)[Dims][Registers]) {
  Vec<E> weight[Registers];
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) weight[r] = load(weights + r * Vec<E>::lanes);
  RAPT_UNROLL
  for (int i = 0; i < Dims; ++i) {
    const Vec<E> value = broadcast(row[i]);
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r) sum[i][r] = step(weight[r], value, sum[i][r]);
  }
}

/// `Dims` columns of `count` rows of values, each of as many keys as an element has numbers, for `Registers` registers
/// of queries.
///   weights [count][lanes], values: a pointer a row, output [dim][lanes], which starts from zero if `fresh`
template <int Dims, int Registers, class E, class T>
RAPT_INLINE void value_block(const E* RAPT_RESTRICT weights, const E* const* values, Index count, Index column,
                             bool fresh, T* RAPT_RESTRICT output) {
  constexpr int width = Vec<T>::lanes, lanes = width * query_registers;
  Vec<T> sum[Dims][Registers];
  RAPT_UNROLL
  for (int i = 0; i < Dims; ++i) {
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r) sum[i][r] = fresh ? broadcast(T(0)) : load(output + i * lanes + r * width);
  }
  Index j = 0;
  for (const Index bulk = steps_in_bulk(count); j < bulk; j += unrolled, weights += unrolled * lanes) {
    RAPT_UNROLL
    for (int i = 0; i < unrolled; ++i) value_step<Dims, Registers>(weights + i * lanes, values[j + i] + column, sum);
  }

  RAPT_UNROLL
  for (int i = 0; i < Dims; ++i) {
    const E* weight = weights;
    for (Index last = j; last < count; ++last, weight += lanes) {
      const Vec<E> value = broadcast(values[last][column + i]);
      RAPT_UNROLL
      for (int r = 0; r < Registers; ++r) sum[i][r] = step(load(weight + r * width), value, sum[i][r]);
    }
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r) store(output + i * lanes + r * width, sum[i][r]);
  }
}

template <int Dims, int Registers, class E, class T>
RAPT_INLINE void value_tiles(int registers, const E* weights, const E* const* values, Index count, Index column,
                             bool fresh, T* output) {
  constexpr int step = Registers * Vec<T>::lanes;
  for (int at = 0; at < registers * Vec<T>::lanes; at += step)
    value_block<Dims, Registers>(weights + at, values, count, column, fresh, output + at);
}

/// All columns of `count` rows of values, for the first `registers` registers from `weights` and `output` on, a
/// multiple of `Registers`.
template <int Registers, class E, class T>
RAPT_NOINLINE void add_values(int registers, const E* weights, const E* const* values, Index count, Index value_dim,
                              bool fresh, T* output) {
  constexpr int lanes = Vec<T>::lanes * query_registers;
  for (Index d = 0; d < value_dim;) {
    const int step = next_step<Registers>(value_dim - d);
    T* const to = output + d * lanes;
    if constexpr (has_6<Registers>)
      if (step == 6) value_tiles<6, Registers>(registers, weights, values, count, d, fresh, to);
    if constexpr (has_4)
      if (step == 4) value_tiles<4, Registers>(registers, weights, values, count, d, fresh, to);
    if (step == 1) value_tiles<1, Registers>(registers, weights, values, count, d, fresh, to);
    d += step;
  }
}

RAPT_REGION_CLOSE

#endif
