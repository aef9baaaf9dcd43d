// What a call's stages make of a tile of scores, with their types forgotten: kernels ask it once a tile, and so are
// compiled once for all stages. Only the loops over a tile know a stage's type (kernel/scoring-inl.hpp), and it is
// inlined into them.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>

#include "rapt/core/contract.hpp"
#include "rapt/core/coord.hpp"
#include "rapt/core/types.hpp"
#include "rapt/score/coverage.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

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

/// A stage by what it does to scores of type T. Whatever is null it does not do.
template <class T> struct Scoring {
  const void* stage = nullptr;
  /// How much of a box of scores is attended. All of it, if null; then nothing is asked of single scores either.
  Coverage (*coverage)(const void* stage, const Box&) = nullptr;
  /// Which scores [count][lanes] of a tile are attended, one word each; and whether any or all are.
  Coverage (*keep_lanes)(const void* stage, const LaneCoords&, const Box&, Index count, Word<T>* keep) = nullptr;
  /// Which scores [tile] of a row are, of which `count` have a key; and whether any is.
  bool (*keep_row)(const void* stage, const RowCoords&, Index count, Word<T>* keep) = nullptr;
  /// Scores [count][lanes] of a tile, or of a row, change.
  void (*change_lanes)(const void* stage, const LaneCoords&, Index count, T* scores) = nullptr;
  void (*change_row)(const void* stage, const RowCoords&, Index count, T* scores) = nullptr;
  /// A logit without a key.
  double (*sink)(const void* stage, std::int32_t batch, std::int32_t head) = nullptr;

  Coverage covers(const Box& box) const { return coverage == nullptr ? Coverage::all : coverage(stage, box); }
};

// What needs no instruction set of its own.

template <class S> Coverage coverage_of(const void* stage, const Box& box) {
  return covers(*static_cast<const S*>(stage), box);
}
template <class S> double sink_of(const void* stage, std::int32_t batch, std::int32_t head) {
  return static_cast<const S*>(stage)->sink(batch, head);
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
