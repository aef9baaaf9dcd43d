// Scores of a tile for few queries: queries times keys, with the keys in the lanes.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Queries that are worked on together: each key that is loaded serves them all.
constexpr int rows_together = 4;

using detail::Wanted;

/// Blocks of keys in a tile. Each may stand anywhere: in a page of its own.
constexpr int tile_blocks = contract::tile / detail::key_block;

/// Which line of a tile's later keys is fetched along with the keys of a block, of dim `d`. Blocks of 16-bit keys have
/// a line for every two dims, those of 8 bits for every four: then as many blocks take turns, and between them every
/// line of theirs is fetched once.
template <class K> RAPT_INLINE void fetch_block_line(const Wanted* ahead, int block, Index d) {
  constexpr Index line = 64, bytes = detail::key_block * Index(sizeof(K));
  if constexpr (bytes < line) {
    constexpr Index together = line / bytes;
    if (block % together == 0) fetch(ahead[block + d % together], d / together * line);
  } else {
    for (Index at = 0; at < bytes; at += line) fetch(ahead[block], d * bytes + at);
  }
}

/// The scores of a tile of keys for `Rows` queries: each lane its own chain of fused multiply-adds over d, as it is
/// with the queries in the lanes. Meanwhile as much as these keys take is fetched from where `ahead` points.
///   queries [Rows][head_dim], blocks: pointers to blocks [head_dim][key_block], scores [Rows][tile]
template <int Rows, class T, class K>
RAPT_NOINLINE void score_rows(const T* RAPT_RESTRICT queries, Index head_dim, const K* const* blocks,
                              const Wanted* ahead, T* RAPT_RESTRICT scores) {
  constexpr int width = Vec<T>::lanes, block = detail::key_block, step = width * key_registers;
  for (int first = 0; first < contract::tile; first += step) {
    const K* keys[key_registers];
    Vec<T> sum[Rows][key_registers];
    RAPT_UNROLL
    for (int i = 0; i < key_registers; ++i) {
      const int key = first + i * width;
      keys[i] = blocks[key / block] + key % block;
      RAPT_UNROLL
      for (int r = 0; r < Rows; ++r) sum[r][i] = broadcast(T(0));
    }
    for (Index d = 0; d < head_dim; ++d) {
      Vec<T> key[key_registers];
      RAPT_UNROLL
      for (int i = 0; i < key_registers; ++i) {
        key[i] = load(keys[i] + d * block);
        if ((first + i * width) % block == 0) fetch_block_line<K>(ahead, (first + i * width) / block, d);
      }
      RAPT_UNROLL
      for (int r = 0; r < Rows; ++r) {
        const Vec<T> query = broadcast(queries[r * head_dim + d]);
        RAPT_UNROLL
        for (int i = 0; i < key_registers; ++i) sum[r][i] = fma(query, key[i], sum[r][i]);
      }
    }
    RAPT_UNROLL
    for (int r = 0; r < Rows; ++r) {
      RAPT_UNROLL
      for (int i = 0; i < key_registers; ++i) store(scores + r * contract::tile + first + i * width, sum[r][i]);
    }
  }
}

/// Blocks of a tile's keys out of rows, which have `stride` between elements. Meanwhile as many rows, `step` bytes
/// apart in each block of them, are fetched from where `ahead` points.
///   rows [tile], blocks [tile / key_block][head_dim][key_block]
template <class T, class K>
RAPT_NOINLINE void block_keys(const K* const* rows, const Wanted* ahead, Index step, Index stride, Index head_dim,
                              T* blocks) {
  constexpr int width = Vec<T>::lanes, block = detail::key_block;
  for (int key = 0; key < contract::tile; key += width) {
    T* const to = blocks + key / block * block * head_dim + key % block;
    const Wanted& later = ahead[key / block];
    Index d = 0;
    for (; stride == 1 && d + width <= head_dim; d += width) {
      for (int i = 0; i < width; ++i)  // written out, it would be half the code
        fetch(later, (key % block + i) * step + d * Index(sizeof(K)));
      Vec<T> square[width];
      RAPT_UNROLL
      for (int i = 0; i < width; ++i) square[i] = load(rows[key + i] + d);
      transpose<T>(square);
      RAPT_UNROLL
      for (int i = 0; i < width; ++i) store(to + (d + i) * block, square[i]);
    }
    for (; d < head_dim; ++d)
      for (int i = 0; i < width; ++i) to[d * block + i] = detail::widened(rows[key + i][d * stride]);
  }
}

RAPT_REGION_CLOSE

#endif
