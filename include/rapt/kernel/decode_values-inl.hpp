// Weighted values for few queries: o[d] takes in weight[j] · value[j][d] for j ascending, with the dims in the lanes.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// The values of a tile, in rows of K: a base for each block of keys, and a step between the rows of a block.
template <class K> struct ValueRows {
  const K* blocks[tile_blocks];
  Index step;
  RAPT_INLINE const K* row(Index j) const { return blocks[j / detail::key_block] + j % detail::key_block * step; }
};

/// `Registers` registers of columns of the values of `count` keys, for `Rows` queries. Meanwhile the same columns of
/// as many rows are fetched from where `ahead` points.
///   weights [Rows][tile], output [Rows][dim], which starts from zero if `fresh`
template <int Rows, int Registers, class T, class K>
RAPT_INLINE void value_columns(const T* RAPT_RESTRICT weights, const ValueRows<K>& values, const Wanted* ahead,
                               Index count, Index column, Index dim, bool fresh, T* RAPT_RESTRICT output) {
  constexpr int width = Vec<T>::lanes, line = 64;
  Vec<T> sum[Rows][Registers];
  RAPT_UNROLL
  for (int r = 0; r < Rows; ++r) {
    RAPT_UNROLL
    for (int i = 0; i < Registers; ++i)
      sum[r][i] = fresh ? broadcast(T(0)) : load(output + r * dim + column + i * width);
  }
  for (Index first = 0; first < count; first += detail::key_block, ++ahead) {
    const Index end = count - first < detail::key_block ? count - first : detail::key_block;
    const Wanted wanted = *ahead;
    const K* row = values.row(first) + column;
    for (Index j = 0; j < end; ++j, row += values.step) {
      Vec<T> value[Registers];
      RAPT_UNROLL
      for (int i = 0; i < Registers; ++i) {
        value[i] = load(row + i * width);
        if (i * width * int(sizeof(K)) % line == 0)
          fetch(wanted, (j * values.step + column + i * width) * Index(sizeof(K)));
      }
      RAPT_UNROLL
      for (int r = 0; r < Rows; ++r) {
        const Vec<T> weight = broadcast(weights[r * contract::tile + first + j]);
        RAPT_UNROLL
        for (int i = 0; i < Registers; ++i) sum[r][i] = fma(weight, value[i], sum[r][i]);
      }
    }
  }
  RAPT_UNROLL
  for (int r = 0; r < Rows; ++r) {
    RAPT_UNROLL
    for (int i = 0; i < Registers; ++i) store(output + r * dim + column + i * width, sum[r][i]);
  }
}

/// All columns; `dim` is a multiple of a register.
template <int Rows, class T, class K>
RAPT_NOINLINE void add_row_values(const T* weights, const ValueRows<K>& values, const Wanted* ahead, Index count,
                                  Index dim, bool fresh, T* output) {
  constexpr int width = Vec<T>::lanes;
  Index column = 0;
  for (; column + key_registers * width <= dim; column += key_registers * width)
    value_columns<Rows, key_registers>(weights, values, ahead, count, column, dim, fresh, output);
  for (; column < dim; column += width)
    value_columns<Rows, 1>(weights, values, ahead, count, column, dim, fresh, output);
}

template <int Registers, class T, class K>
RAPT_INLINE void kept_columns(const T* weights, const detail::Word<T>* keep, const ValueRows<K>& values, Index count,
                              Index column, T* output) {
  constexpr int width = Vec<T>::lanes;
  Vec<T> sum[Registers];
  RAPT_UNROLL
  for (int i = 0; i < Registers; ++i) sum[i] = load(output + column + i * width);
  for (Index j = 0; j < count; ++j) {
    if (keep[j] == 0) continue;
    const Vec<T> weight = broadcast(weights[j]);
    const K* const row = values.row(j) + column;
    RAPT_UNROLL
    for (int i = 0; i < Registers; ++i) sum[i] = fma(weight, load(row + i * width), sum[i]);
  }
  RAPT_UNROLL
  for (int i = 0; i < Registers; ++i) store(output + column + i * width, sum[i]);
}

/// One row's, of those keys only that it attends to: whatever the bits of the others' values, they are not touched.
template <class T, class K>
RAPT_NOINLINE void add_kept_values(const T* weights, const detail::Word<T>* keep, const ValueRows<K>& values,
                                   Index count, Index dim, T* output) {
  constexpr int width = Vec<T>::lanes;
  Index column = 0;
  for (; column + key_registers * width <= dim; column += key_registers * width)
    kept_columns<key_registers>(weights, keep, values, count, column, output);
  for (; column < dim; column += width) kept_columns<1>(weights, keep, values, count, column, output);
}

RAPT_REGION_CLOSE

#endif
