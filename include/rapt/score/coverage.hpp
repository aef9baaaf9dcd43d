// How much of a box of scores a mask lets through: what decides whether a tile is skipped, computed plainly, or masked.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN

/// A box of scores: one batch entry, and inclusive ranges of heads, query positions and key positions.
struct Box {
  std::int32_t batch;
  std::int32_t first_head, last_head;
  std::int32_t first_query, last_query;
  std::int32_t first_key, last_key;
  std::int32_t first_row = 0;  ///< Coord::row of first_query
};

/// `none`: no score of the box is attended, and its keys and values are never read. `all`: each one is. `some`: ask for
/// each.
enum class Coverage { none, some, all };

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
