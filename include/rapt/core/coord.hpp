// Where a score stands: the coordinates that masks and score changes see.
#pragma once

#include <cstdint>

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN

/// The place of one score. `query` and `key` are positions in the sequence of the keys, so that
/// `query - key` is a distance whatever the number of queries (see Align).
/// 32 bits wide, as is a float, so that a loop over coordinates fills the same lanes as a loop over scores.
struct Coord {
  std::int32_t batch;
  std::int32_t head;
  std::int32_t query;
  std::int32_t key;
};

RAPT_NAMESPACE_END
