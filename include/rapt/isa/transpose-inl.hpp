// A square of registers, transposed.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// rows[i] lane j becomes rows[j] lane i. Each round zips row i with the row half the square below it: a perfect
/// shuffle of the whole square, and log2(lanes) of them are a transposition.
template <class T> RAPT_INLINE void transpose(Vec<T> (&rows)[Vec<T>::lanes]) {
  constexpr int lanes = Vec<T>::lanes;
  RAPT_UNROLL
  for (int round = 1; round < lanes; round *= 2) {
    Vec<T> zipped[lanes];
    RAPT_UNROLL
    for (int i = 0; i < lanes / 2; ++i) {
      zipped[2 * i] = zip_low(rows[i], rows[i + lanes / 2]);
      zipped[2 * i + 1] = zip_high(rows[i], rows[i + lanes / 2]);
    }
    RAPT_UNROLL
    for (int i = 0; i < lanes; ++i) rows[i] = zipped[i];
  }
}

/// A square in memory, transposed into another place; rows stand from_step and to_step apart.
template <class T> RAPT_INLINE void transpose_square(const T* from, Index from_step, T* to, Index to_step) {
  constexpr int lanes = Vec<T>::lanes;
  Vec<T> rows[lanes];
  RAPT_UNROLL
  for (int i = 0; i < lanes; ++i) rows[i] = load(from + i * from_step);
  transpose(rows);
  RAPT_UNROLL
  for (int i = 0; i < lanes; ++i) store(to + i * to_step, rows[i]);
}

RAPT_REGION_CLOSE

#endif
