// Weighted values for few queries: o[d] takes in weight[j] · value[j][d] for j ascending, with the dims in the lanes.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// `Registers` registers of columns of the values of `count` keys, for `Rows` queries. Meanwhile the same columns of
/// as many rows are fetched from where `ahead` points.
///   weights [Rows][tile], values and ahead: rows `step` apart, output [Rows][dim], which starts from zero if `fresh`
template <int Rows, int Registers, class T, class K>
RAPT_INLINE void value_columns(const T* RAPT_RESTRICT weights, const K* values, Index step, Wanted<K> ahead,
                               Index count, Index column, Index dim, bool fresh, T* RAPT_RESTRICT output) {
  constexpr int width = Vec<T>::lanes, line = 64;
  Vec<T> sum[Rows][Registers];
  RAPT_UNROLL
  for (int r = 0; r < Rows; ++r) {
    RAPT_UNROLL
    for (int i = 0; i < Registers; ++i)
      sum[r][i] = fresh ? broadcast(T(0)) : load(output + r * dim + column + i * width);
  }
  for (Index j = 0; j < count; ++j) {
    Vec<T> value[Registers];
    RAPT_UNROLL
    for (int i = 0; i < Registers; ++i) {
      value[i] = load(values + j * step + column + i * width);
      if (i * width * int(sizeof(K)) % line == 0) ahead.fetch(j * step + column + i * width);
    }
    RAPT_UNROLL
    for (int r = 0; r < Rows; ++r) {
      const Vec<T> weight = broadcast(weights[r * contract::tile + j]);
      RAPT_UNROLL
      for (int i = 0; i < Registers; ++i) sum[r][i] = fma(weight, value[i], sum[r][i]);
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
RAPT_NOINLINE void add_row_values(const T* weights, const K* values, Index step, Wanted<K> ahead, Index count,
                                  Index dim, bool fresh, T* output) {
  constexpr int width = Vec<T>::lanes;
  Index column = 0;
  for (; column + key_registers * width <= dim; column += key_registers * width)
    value_columns<Rows, key_registers>(weights, values, step, ahead, count, column, dim, fresh, output);
  for (; column < dim; column += width)
    value_columns<Rows, 1>(weights, values, step, ahead, count, column, dim, fresh, output);
}

template <int Registers, class T, class K>
RAPT_INLINE void kept_columns(const T* weights, const detail::Word<T>* keep, const K* values, Index step, Index count,
                              T* output) {
  constexpr int width = Vec<T>::lanes;
  Vec<T> sum[Registers];
  RAPT_UNROLL
  for (int i = 0; i < Registers; ++i) sum[i] = load(output + i * width);
  for (Index j = 0; j < count; ++j) {
    if (keep[j] == 0) continue;
    const Vec<T> weight = broadcast(weights[j]);
    RAPT_UNROLL
    for (int i = 0; i < Registers; ++i) sum[i] = fma(weight, load(values + j * step + i * width), sum[i]);
  }
  RAPT_UNROLL
  for (int i = 0; i < Registers; ++i) store(output + i * width, sum[i]);
}

/// One row's, of those keys only that it attends to: whatever the bits of the others' values, they are not touched.
template <class T, class K>
RAPT_NOINLINE void add_kept_values(const T* weights, const detail::Word<T>* keep, const K* values, Index step,
                                   Index count, Index dim, T* output) {
  constexpr int width = Vec<T>::lanes;
  Index column = 0;
  for (; column + key_registers * width <= dim; column += key_registers * width)
    kept_columns<key_registers>(weights, keep, values + column, step, count, output + column);
  for (; column < dim; column += width) kept_columns<1>(weights, keep, values + column, step, count, output + column);
}

RAPT_REGION_CLOSE

#endif
