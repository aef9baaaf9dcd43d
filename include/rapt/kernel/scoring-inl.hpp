// A stage's loops over a tile, behind plain pointers.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// A single lane has nothing to gain from keys in the lanes.
template <class T> constexpr bool takes_few = Vec<T>::lanes > 1;

template <class T, class S>
RAPT_NOINLINE Coverage keep_lanes_of(const void* stage, const detail::LaneCoords& at, const Box& box, Index count,
                                     detail::Word<T>* keep) {
  return find_kept<T>(*static_cast<const S*>(stage), LaneCoords{at}, box, count, keep);
}
template <class T, class S>
RAPT_NOINLINE bool keep_row_of(const void* stage, const detail::RowCoords& at, Index count, detail::Word<T>* keep) {
  return find_kept_of_row(*static_cast<const S*>(stage), RowCoords{at}, count, keep);
}
template <class T, class S>
RAPT_NOINLINE void change_lanes_of(const void* stage, const detail::LaneCoords& at, Index count, T* scores) {
  change_lanes<T>(*static_cast<const S*>(stage), LaneCoords{at}, count, scores);
}
template <class T, class S>
RAPT_NOINLINE void change_row_of(const void* stage, const detail::RowCoords& at, Index count, T* scores) {
  change_row<T>(*static_cast<const S*>(stage), RowCoords{at}, count, scores);
}

/// What the stage does on this instruction set. It has to outlive what is returned. `by_rows`: also for few rows, by
/// kernels that have keys in the lanes even if there is only one.
template <class T, bool by_rows, class S> detail::Scoring<T> scoring(const S& stage) {
  detail::Scoring<T> scoring{};
  scoring.stage = &stage;
  if constexpr (detail::Masks<S> && !std::is_same_v<S, Plain>) {
    scoring.coverage = &detail::coverage_of<S>;
    scoring.keep_lanes = &keep_lanes_of<T, S>;
    if constexpr (by_rows || takes_few<T>) scoring.keep_row = &keep_row_of<T, S>;
  }
  if constexpr (detail::Changes<S>) {
    scoring.change_lanes = &change_lanes_of<T, S>;
    if constexpr (by_rows || takes_few<T>) scoring.change_row = &change_row_of<T, S>;
  }
  if constexpr (detail::Sinks<S>) scoring.sink = &detail::sink_of<S>;
  return scoring;
}

RAPT_REGION_CLOSE

#endif
