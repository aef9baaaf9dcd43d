// Scores of a tile, changed as the call says, before they become weights.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

// A stage without a form of its own is applied score by score, in a loop that the compiler vectorises: on the same
// instruction set, as it stands in the region.

/// The scores [count][lanes] of a tile.
template <class T, class S>
RAPT_NOINLINE void change_lanes(const S& stage, const LaneCoords& at, Index count, T* RAPT_RESTRICT scores) {
  constexpr int lanes = group_lanes<T>;
  for (Index j = 0; j < count; ++j, scores += lanes) {
    const std::int32_t key = at.first_key + static_cast<std::int32_t>(j);
    for (int i = 0; i < lanes; ++i) scores[i] = stage.change(scores[i], coord_of(at, i, key));
  }
}
/// A composition is one loop, unless a part of it has a form of its own.
template <class T, class A, class B>
  requires(has_form<A> || has_form<B>)
RAPT_INLINE void change_lanes(const Then<A, B>& both, const LaneCoords& at, Index count, T* scores) {
  if constexpr (detail::Changes<A>) change_lanes<T>(both.first, at, count, scores);
  if constexpr (detail::Changes<B>) change_lanes<T>(both.second, at, count, scores);
}
/// What may be off is asked once a tile.
template <class T, class S>
RAPT_INLINE void change_lanes(const When<S>& stage, const LaneCoords& at, Index count, T* scores) {
  if (stage.on) change_lanes<T>(stage.stage, at, count, scores);
}

/// The scores [tile] of a row, of which `count` have a key. A compiler that minds its code's size vectorises a loop
/// only if it knows how often it runs: so a short tile has a loop of its own.
template <class T, class S>
RAPT_NOINLINE void change_row(const S& stage, const RowCoords& at, Index count, T* RAPT_RESTRICT scores) {
  const std::int32_t row = at.position - at.first_query;
  if (count == contract::tile) {
    for (int j = 0; j < contract::tile; ++j)
      scores[j] = stage.change(scores[j], Coord{at.batch, at.head, at.position, at.first_key + j, row});
  } else {
    for (int j = 0; j < count; ++j)
      scores[j] = stage.change(scores[j], Coord{at.batch, at.head, at.position, at.first_key + j, row});
  }
}
template <class T, class A, class B>
  requires(has_form<A> || has_form<B>)
RAPT_INLINE void change_row(const Then<A, B>& both, const RowCoords& at, Index count, T* scores) {
  if constexpr (detail::Changes<A>) change_row<T>(both.first, at, count, scores);
  if constexpr (detail::Changes<B>) change_row<T>(both.second, at, count, scores);
}
template <class T, class S>
RAPT_INLINE void change_row(const When<S>& stage, const RowCoords& at, Index count, T* scores) {
  if (stage.on) change_row<T>(stage.stage, at, count, scores);
}

RAPT_REGION_CLOSE

#endif
