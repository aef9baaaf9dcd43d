// Scores of a tile, changed as the call says, before they become weights.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// A stage as those see it that only ask whether it changes scores, or has a sink: one that does neither is none, so
/// that they are compiled once for all such.
template <class S> RAPT_INLINE decltype(auto) changing(const S& score) {
  if constexpr (detail::Changes<S>)
    return (score);
  else
    return Plain{};
}
template <class S> RAPT_INLINE decltype(auto) sinking(const S& score) {
  if constexpr (detail::Sinks<S>)
    return (score);
  else
    return Plain{};
}

/// Where the scores of a tile stand with the queries in the lanes: [key][lane].
struct LaneCoords {
  std::int32_t batch, first_key, first_query;  // the position of the call's query 0
  const std::int32_t* head;                    // [lanes]
  const std::int32_t* position;                // [lanes]
};

/// And with the keys in the lanes: one row.
struct RowCoords {
  std::int32_t batch, first_key, first_query, head, position;
};

/// A stage that needs nothing but its scores, side by side: as many registers as there are of queries, and again, so
/// that their chains overlap.
template <class T> RAPT_INLINE void change_all(const Softcap& stage, Index count, T* scores) {
  constexpr int width = Vec<T>::lanes, together = query_registers;
  const Vec<T> inverse = broadcast(static_cast<T>(stage.inverse)), cap = broadcast(static_cast<T>(stage.cap));
  for (Index i = 0; i < count; i += together * width) {
    Vec<T> x[together];
    RAPT_UNROLL
    for (int r = 0; r < together; ++r) x[r] = tanh(mul(load(scores + i + r * width), inverse));
    RAPT_UNROLL
    for (int r = 0; r < together; ++r) store(scores + i + r * width, mul(cap, x[r]));
  }
}

/// Whether a stage has a form of its own here; others are applied score by score, in a loop that the compiler
/// vectorises: on the same instruction set, as it stands in the region.
template <class S> constexpr bool has_form = std::is_same_v<S, Softcap>;
template <class A, class B> constexpr bool has_form<Then<A, B>> = has_form<A> || has_form<B>;

/// The scores [count][lanes] of a tile.
template <class T, class S>
RAPT_NOINLINE void change_lanes(const S& stage, const LaneCoords& at, Index count, T* RAPT_RESTRICT scores) {
  constexpr int lanes = group_lanes<T>;
  for (Index j = 0; j < count; ++j, scores += lanes) {
    const std::int32_t key = at.first_key + static_cast<std::int32_t>(j);
    for (int i = 0; i < lanes; ++i)
      scores[i] =
          stage.change(scores[i], Coord{at.batch, at.head[i], at.position[i], key, at.position[i] - at.first_query});
  }
}
template <class T> RAPT_NOINLINE void change_lanes(const Softcap& stage, const LaneCoords&, Index count, T* scores) {
  change_all(stage, count * group_lanes<T>, scores);
}
/// A composition is one loop, unless a part of it has a form of its own.
template <class T, class A, class B>
  requires(has_form<A> || has_form<B>)
RAPT_INLINE void change_lanes(const Then<A, B>& both, const LaneCoords& at, Index count, T* scores) {
  if constexpr (detail::Changes<A>) change_lanes<T>(both.first, at, count, scores);
  if constexpr (detail::Changes<B>) change_lanes<T>(both.second, at, count, scores);
}

/// The scores [tile] of a row, of which `count` have a key.
template <class T, class S>
RAPT_NOINLINE void change_row(const S& stage, const RowCoords& at, Index count, T* RAPT_RESTRICT scores) {
  for (Index j = 0; j < count; ++j)
    scores[j] =
        stage.change(scores[j], Coord{at.batch, at.head, at.position, at.first_key + static_cast<std::int32_t>(j),
                                      at.position - at.first_query});
}
template <class T> RAPT_NOINLINE void change_row(const Softcap& stage, const RowCoords&, Index, T* scores) {
  change_all(stage, contract::tile, scores);
}
template <class T, class A, class B>
  requires(has_form<A> || has_form<B>)
RAPT_INLINE void change_row(const Then<A, B>& both, const RowCoords& at, Index count, T* scores) {
  if constexpr (detail::Changes<A>) change_row<T>(both.first, at, count, scores);
  if constexpr (detail::Changes<B>) change_row<T>(both.second, at, count, scores);
}

RAPT_REGION_CLOSE

#endif
