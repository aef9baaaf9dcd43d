// Where a score stands: the coordinates that masks and score changes see.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN

/// The place of one score. `query` and `key` are positions in the sequence of the keys, so that
/// `query - key` is a distance whatever the number of queries (see Align).
/// 32 bits wide, as is a float, so that a loop over coordinates fills the same lanes as a loop over scores.
struct Coord {
  std::int32_t batch;
  std::int32_t head;     ///< of the queries
  std::int32_t query;    ///< the query's position
  std::int32_t key;      ///< the key's position
  std::int32_t row = 0;  ///< which of the call's queries it is, from 0: where `query` begins is Align's affair
};

namespace detail {

constexpr Coord coord(Index batch, Index head, Index query, Index key, Index row) {
  return {static_cast<std::int32_t>(batch), static_cast<std::int32_t>(head), static_cast<std::int32_t>(query),
          static_cast<std::int32_t>(key), static_cast<std::int32_t>(row)};
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
