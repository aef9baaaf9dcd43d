// Scores of a tile: keys times queries, with the queries in the lanes.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Memory that is wanted soon, and is fetched into the second-level cache while scores are computed: along with each
/// key, line by line, one stretch of later keys and one of values, each as long as this key. (The values' loop has no
/// load to spare for it.)
struct Ahead {
  const std::byte* const* keys;
  const std::byte* const* values;
  RAPT_INLINE Ahead from(Index key) const { return {keys + key, values + key}; }
};

/// Keys in memory: a pointer to each, and how far apart its elements stand. (All as far: a wide tile would not leave
/// registers for strides of their own.)
template <class E> struct Keys {
  const E* const* rows;
  Index stride;
  RAPT_INLINE Keys from(Index key) const { return {rows + key, stride}; }
};

template <int Count, int Registers, class E, class T>
RAPT_INLINE void score_step(const E* queries, const E* const (&row)[Count], Index at, Vec<T> (&sum)[Count][Registers]) {
  Vec<E> query[Registers];
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) query[r] = load(queries + r * Vec<E>::lanes);
  RAPT_UNROLL
  for (int k = 0; k < Count; ++k) {
    const Vec<E> key = broadcast(row[k][at]);
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r) sum[k][r] = step(query[r], key, sum[k][r]);
  }
}

/// The last steps of a register tile are taken row by row, so that each row's sums are stored while those of the next
/// are still computed: in a burst the stores hold up the multiply-adds behind them (by 35 cycles on Zen 4, which stores
/// a register in two).
constexpr int last_steps = 4;

/// How many of `steps` come before these: as many as are written out together, again and again.
RAPT_INLINE Index steps_in_bulk(Index steps) {
  return steps > last_steps ? (steps - last_steps) / unrolled * unrolled : 0;
}

/// What becomes of a chain's sum: queries of depth 1 have been scaled beforehand, but one that is of 16 bits would be
/// rounded once more.
template <class E, class T> RAPT_INLINE Vec<T> scaled_sum(Vec<T> sum, T scale) {
  if constexpr (depth<E> == 1)
    return sum;
  else
    return times<E>(sum, broadcast(scale));
}

/// The scores of `Count` keys and `Registers` registers of queries: each lane its own chain of steps over the elements.
/// `largest` takes them in.
///   queries [elements][lanes], scores [Count][lanes], largest [lanes]
template <int Count, int Registers, class E, class T>
RAPT_INLINE void score_block(const E* RAPT_RESTRICT queries, Keys<E> keys, Ahead ahead, Index elements, T scale,
                             T* RAPT_RESTRICT scores, T* RAPT_RESTRICT largest) {
  constexpr int width = Vec<T>::lanes, lanes = width * query_registers, line = 64 / sizeof(E);
  Vec<T> sum[Count][Registers];
  RAPT_UNROLL
  for (int k = 0; k < Count; ++k) {
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r) sum[k][r] = broadcast(T(0));
  }
  const E* row[Count];
  RAPT_UNROLL
  for (int k = 0; k < Count; ++k) row[k] = keys.rows[k];

  const Index bulk = steps_in_bulk(elements);
  Index d = 0;
  while (d < bulk) {
    RAPT_UNROLL
    for (int k = 0; k < Count; ++k) {
      prefetch(ahead.keys[k] + d * static_cast<Index>(sizeof(E)));
      prefetch(ahead.values[k] + d * static_cast<Index>(sizeof(E)));
    }
    for (const Index end = d + line < bulk ? d + line : bulk; d < end; d += unrolled, queries += unrolled * lanes) {
      RAPT_UNROLL
      for (int i = 0; i < unrolled; ++i)
        score_step<Count, Registers>(queries + i * lanes, row, (d + i) * keys.stride, sum);
    }
  }

  Vec<T> most[Registers];
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) most[r] = load(largest + r * width);
  RAPT_UNROLL
  for (int k = 0; k < Count; ++k) {
    const E* query = queries;
    for (Index last = d; last < elements; ++last, query += lanes) {
      const Vec<E> key = broadcast(row[k][last * keys.stride]);
      RAPT_UNROLL
      for (int r = 0; r < Registers; ++r) sum[k][r] = step(load(query + r * width), key, sum[k][r]);
    }
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r) {
      sum[k][r] = scaled_sum<E>(sum[k][r], scale);
      store(scores + k * lanes + r * width, sum[k][r]);
      most[r] = max(sum[k][r], most[r]);
    }
  }
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) store(largest + r * width, most[r]);
}

/// Register tiles are 6, 4 or 1 high, narrow ones 4 or 1: as many accumulators as hide a multiply-add's latency. Each
/// height is machine code of its own, to be compiled in every program; a single lane, which has nothing to gain, makes
/// do with 1.
template <int Registers> constexpr bool has_6 = tile_registers > 1 && Registers == tile_registers;
constexpr bool has_4 = tile_registers > 1;

/// How many of the `left` rows or columns to take next: the most, unless that would leave a remainder of 2 or 3 that 4
/// could have had (8 is 4 + 4, not 6 + 1 + 1).
template <int Registers> RAPT_INLINE int next_step(Index left) {
  if (has_6<Registers> && left >= 6 && left != 8 && left != 9) return 6;
  return has_4 && left >= 4 ? 4 : 1;
}

/// The scores of `Count` keys, register tile by register tile: the keys come from the first-level cache for all but the
/// first one.
template <int Count, int Registers, class E, class T>
RAPT_INLINE void score_tiles(int registers, const E* queries, Keys<E> keys, Ahead ahead, Index elements, T scale,
                             T* scores, T* largest) {
  constexpr int step = Registers * Vec<T>::lanes;
  for (int at = 0; at < registers * Vec<T>::lanes; at += step)
    score_block<Count, Registers>(queries + at, keys, ahead, elements, scale, scores + at, largest + at);
}

/// The scores of `count` keys, for the first `registers` registers from `queries` on, a multiple of `Registers`.
/// `largest` takes them in.
template <int Registers, class E, class T>
RAPT_NOINLINE void score_keys(int registers, const E* queries, Keys<E> keys, Ahead ahead, Index count, Index elements,
                              T scale, T* scores, T* largest) {
  constexpr int lanes = Vec<T>::lanes * query_registers;
  for (Index k = 0; k < count;) {
    const int step = next_step<Registers>(count - k);
    T* const to = scores + k * lanes;
    const Keys<E> from = keys.from(k);
    if constexpr (has_6<Registers>)
      if (step == 6) score_tiles<6, Registers>(registers, queries, from, ahead.from(k), elements, scale, to, largest);
    if constexpr (has_4)
      if (step == 4) score_tiles<4, Registers>(registers, queries, from, ahead.from(k), elements, scale, to, largest);
    if (step == 1) score_tiles<1, Registers>(registers, queries, from, ahead.from(k), elements, scale, to, largest);
    k += step;
  }
}

RAPT_REGION_CLOSE

#endif
