// Score changes that have a form of their own for a tile: one that is faster than a loop over the scores, with the same
// bits.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

// Types of the region, so that a stage's form is found among the region's, wherever it is declared.
struct LaneCoords : detail::LaneCoords {};
struct RowCoords : detail::RowCoords {};

RAPT_INLINE Coord coord_of(const LaneCoords& at, int lane, std::int32_t key) {
  return {at.batch, at.head[lane], at.position[lane], key, at.position[lane] - at.first_query};
}

// ---- softcap ------------------------------------------------------------------------------------

/// A stage that needs nothing but its scores, side by side: as many registers as there are of queries, and again, so
/// that their chains overlap.
template <class T> RAPT_INLINE void change_all(const Softcap& stage, Index count, T* scores) {
  constexpr int width = Vec<T>::lanes, together = tile_registers;
  const Vec<T> inverse = broadcast(static_cast<T>(stage.inverse)), cap = broadcast(static_cast<T>(stage.cap));
  for (Index i = 0; i < count; i += together * width) {
    Vec<T> x[together];
    RAPT_UNROLL
    for (int r = 0; r < together; ++r) x[r] = tanh(mul(load(scores + i + r * width), inverse));
    RAPT_UNROLL
    for (int r = 0; r < together; ++r) store(scores + i + r * width, mul(cap, x[r]));
  }
}
template <class T> RAPT_NOINLINE void change_lanes(const Softcap& stage, const LaneCoords&, Index count, T* scores) {
  change_all(stage, count * group_lanes<T>, scores);
}
template <class T> RAPT_NOINLINE void change_row(const Softcap& stage, const RowCoords&, Index, T* scores) {
  change_all(stage, contract::tile, scores);
}

// ---- a number for each head ---------------------------------------------------------------------

/// The lanes' numbers are looked up once a tile instead of once a score.
template <class T>
RAPT_NOINLINE void change_lanes(const Alibi& stage, const LaneCoords& at, Index count, T* RAPT_RESTRICT scores) {
  constexpr int lanes = group_lanes<T>;
  T slope[lanes];
  std::int32_t position[lanes];
  for (int i = 0; i < lanes; ++i) slope[i] = -static_cast<T>(stage.slopes[at.head[i]]);
  for (int i = 0; i < lanes; ++i) position[i] = at.position[i];
  for (Index j = 0; j < count; ++j, scores += lanes) {
    const std::int32_t key = at.first_key + static_cast<std::int32_t>(j);
    for (int i = 0; i < lanes; ++i) {
      const std::int32_t distance = position[i] > key ? position[i] - key : key - position[i];
      scores[i] = ieee::fma(slope[i], static_cast<T>(distance), scores[i]);
    }
  }
}

template <class T, class K>
RAPT_NOINLINE void change_lanes(const HeadScale<K>& stage, const LaneCoords& at, Index count, T* RAPT_RESTRICT scores) {
  constexpr int lanes = group_lanes<T>;
  T factor[lanes];
  for (int i = 0; i < lanes; ++i) factor[i] = static_cast<T>(stage.factors[at.head[i]]);
  for (Index j = 0; j < count; ++j, scores += lanes)
    for (int i = 0; i < lanes; ++i) scores[i] *= factor[i];
}

// ---- a number for each score --------------------------------------------------------------------

/// Whether registers of T can be loaded from elements of K.
template <class T, class K> constexpr bool loads_from = std::is_same_v<T, K> || (sizeof(T) == 4 && sizeof(K) == 2);

/// The scores [key][lane] take in a row of numbers for each lane, in which the keys stand side by side: squares of
/// registers are loaded along the keys and transposed. What stands `ahead` of each, if anything, is asked for
/// meanwhile: it is wanted next, and the rows of a large bias stand too far apart for the machine to foresee that.
template <class T, class K>
RAPT_NOINLINE void add_rows(const K* const* rows, Index ahead, Index count, T* RAPT_RESTRICT scores) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  Index j = 0;
  for (; j + width <= count; j += width)
    for (int first = 0; first < lanes; first += width) {
      Vec<T> square[width];
      RAPT_UNROLL
      for (int i = 0; i < width; ++i) square[i] = load(rows[first + i] + j);
      if (ahead != 0) {
        RAPT_UNROLL
        for (int i = 0; i < width; ++i) prefetch(rows[first + i] + j + ahead);
      }
      transpose(square);
      T* const to = scores + j * lanes + first;
      RAPT_UNROLL
      for (int i = 0; i < width; ++i) store(to + i * lanes, add(load(to + i * lanes), square[i]));
    }
  for (; j < count; ++j)
    for (int i = 0; i < lanes; ++i) scores[j * lanes + i] += static_cast<T>(detail::widened(rows[i][j]));
}

/// The same with a stride between the keys, and in any type.
template <class T, class K>
RAPT_NOINLINE void add_strided_rows(const K* const* rows, Index stride, Index count, T* RAPT_RESTRICT scores) {
  constexpr int lanes = group_lanes<T>;
  for (Index j = 0; j < count; ++j, scores += lanes)
    for (int i = 0; i < lanes; ++i) scores[i] += static_cast<T>(detail::widened(rows[i][j * stride]));
}

/// One row for all lanes.
template <class T, class K> RAPT_NOINLINE void add_shared_row(const K* row, Index stride, Index count, T* scores) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  for (Index j = 0; j < count; ++j) {
    const Vec<T> number = broadcast(static_cast<T>(detail::widened(row[j * stride])));
    for (int i = 0; i < lanes; i += width) store(scores + j * lanes + i, add(load(scores + j * lanes + i), number));
  }
}

/// One number for each lane.
template <class T> RAPT_NOINLINE void add_lanes(const T* numbers, Index count, T* scores) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  for (Index j = 0; j < count; ++j)
    for (int i = 0; i < lanes; i += width)
      store(scores + j * lanes + i, add(load(scores + j * lanes + i), load(numbers + i)));
}

template <class T, class K>
RAPT_NOINLINE void change_lanes(const Bias<K>& stage, const LaneCoords& at, Index count, T* scores) {
  constexpr int lanes = group_lanes<T>;
  const Index stride = stage.view.stride[3];
  const K* rows[lanes];
  bool shared = true;
  for (int i = 0; i < lanes; ++i) {
    rows[i] = stage.at(at.batch, at.head[i], at.position[i] - at.first_query, at.first_key);
    shared = shared && rows[i] == rows[0];
  }
  if (shared) return add_shared_row(rows[0], stride, count, scores);
  if constexpr (loads_from<T, K>) {
    const bool more = at.first_key + 2 * contract::tile <= stage.view.extent[3];
    if (stride == 1) return add_rows(rows, more ? contract::tile : 0, count, scores);
  }
  add_strided_rows(rows, stride, count, scores);
}

/// Numbers side by side, of one row.
template <class T, class K> RAPT_INLINE void add_row(const K* row, Index count, T* scores) {
  Index j = 0;
  if constexpr (loads_from<T, K>)
    for (; j + Vec<T>::lanes <= count; j += Vec<T>::lanes) store(scores + j, add(load(scores + j), load(row + j)));
  for (; j < count; ++j) scores[j] += static_cast<T>(detail::widened(row[j]));
}
template <class T, class K>
RAPT_NOINLINE void change_row(const Bias<K>& stage, const RowCoords& at, Index count, T* scores) {
  const K* const row = stage.at(at.batch, at.head, at.position - at.first_query, at.first_key);
  const Index stride = stage.view.stride[3];
  if (stride == 1) return add_row(row, count, scores);
  for (Index j = 0; j < count; ++j) scores[j] += static_cast<T>(detail::widened(row[j * stride]));
}

/// The keys of a tile lie beyond the last distance of a relative bias for some lanes, for others not: what is wanted of
/// such a row is copied. Far from the queries, each lane has one number for all keys.
template <class T, class K>
RAPT_NOINLINE void change_lanes(const RelativeBias<K>& stage, const LaneCoords& at, Index count, T* scores) {
  constexpr int lanes = group_lanes<T>;
  const std::int32_t last = static_cast<std::int32_t>(count - 1);
  T copies[lanes * contract::tile];
  const T* rows[lanes];
  bool all_far = true;
  for (int i = 0; i < lanes; ++i) {
    const std::int32_t ahead = at.first_key - at.position[i];
    all_far = all_far && (ahead + last <= -stage.left || ahead >= stage.right);
  }
  if (all_far) {
    for (int i = 0; i < lanes; ++i)
      copies[i] = static_cast<T>(detail::widened(*stage.at(at.head[i], at.first_key - at.position[i])));
    return add_lanes(copies, count, scores);
  }
  for (int i = 0; i < lanes; ++i) {
    const std::int32_t ahead = at.first_key - at.position[i];
    T* const copy = copies + i * contract::tile;
    rows[i] = copy;
    if constexpr (std::is_same_v<T, K>)
      if (ahead >= -stage.left && ahead + last <= stage.right && stage.table.column_stride == 1) {
        rows[i] = stage.at(at.head[i], ahead);
        continue;
      }
    for (std::int32_t j = 0; j <= last; ++j)
      copy[j] = static_cast<T>(detail::widened(*stage.at(at.head[i], ahead + j)));
  }
  add_rows(rows, Index(0), count, scores);
}

// ---- a row at a time ----------------------------------------------------------------------------

/// Whether a stage changes scores only by rows.
template <class S> constexpr bool rows_alone = detail::ChangesRows<S> && !detail::ChangesScores<S>;

/// As many rows as a register has lanes are copied out, changed and copied back.
template <class T, class S>
  requires(rows_alone<S>)
RAPT_NOINLINE void change_lanes(const S& stage, const LaneCoords& at, Index count, T* RAPT_RESTRICT scores) {
  constexpr int width = Vec<T>::lanes, lanes = group_lanes<T>;
  alignas(64) T rows[width * contract::tile];
  for (int first = 0; first < lanes; first += width) {
    for (Index j = 0; j < count; j += width)
      transpose_square(scores + j * lanes + first, Index(lanes), rows + j, contract::tile);
    for (int i = first; i < first + width; ++i)
      stage.change_row(rows + (i - first) * contract::tile, count, coord_of(at, i, at.first_key));
    for (Index j = 0; j < count; j += width)
      transpose_square(rows + j, contract::tile, scores + j * lanes + first, Index(lanes));
  }
}
template <class T, class S>
  requires(detail::ChangesRows<S>)
RAPT_INLINE void change_row(const S& stage, const RowCoords& at, Index count, T* scores) {
  stage.change_row(scores, count, Coord{at.batch, at.head, at.position, at.first_key, at.position - at.first_query});
}

/// Whether a stage has a form of its own with the queries in the lanes, or with the keys.
template <class S> constexpr bool has_form = detail::ChangesRows<S>;
template <> inline constexpr bool has_form<Softcap> = true;
template <> inline constexpr bool has_form<Alibi> = true;
template <class K> constexpr bool has_form<HeadScale<K>> = true;
template <class K> constexpr bool has_form<Bias<K>> = true;
template <class K> constexpr bool has_form<RelativeBias<K>> = true;
template <class A, class B> constexpr bool has_form<Then<A, B>> = has_form<A> || has_form<B>;
template <class S> constexpr bool has_form<When<S>> = detail::Changes<S>;

RAPT_REGION_CLOSE

#endif
