// Some of the keys only.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>
#include <string>

#include "rapt/core/coord.hpp"
#include "rapt/core/error.hpp"
#include "rapt/score/coverage.hpp"

RAPT_NAMESPACE_BEGIN

/// The keys from position `first` to `last` − 1: see key_range().
struct KeyRange {
  std::int32_t first, last;

  constexpr bool attends(Coord c) const { return (c.key >= first) & (c.key < last); }
  constexpr Coverage covers(const Box& box) const {
    if (box.last_key < first || box.first_key >= last) return Coverage::none;
    return box.first_key >= first && box.last_key < last ? Coverage::all : Coverage::some;
  }
  std::string describe() const { return "key_range(" + std::to_string(first) + ", " + std::to_string(last) + ")"; }
};

/// Keys from position `first` to `last` − 1, and no other: a part of the keys whose state is to be merged with those of
/// the others (state/merge.hpp). What is outside is never read.
inline KeyRange key_range(Index first, Index last) {
  detail::require(first >= 0 && first <= last, "key_range", "first", first, "it has to be from 0 to last");
  detail::require(last < detail::max_length, "key_range", "last", last, "it has to be less than 2^30");
  return {static_cast<std::int32_t>(first), static_cast<std::int32_t>(last)};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
