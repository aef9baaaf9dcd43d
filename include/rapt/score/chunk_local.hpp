// Positions in chunks that do not see each other.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <string>

#include "rapt/core/divisor.hpp"
#include "rapt/core/error.hpp"
#include "rapt/score/coverage.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN

/// See chunk_local().
struct ChunkLocal {
  detail::Divisor size;

  /// The division is one of a key: kernels ask about many queries a key, and it leaves their loop.
  constexpr bool attends(Coord c) const {
    const std::int32_t inside = c.query - size.floor(c.key) * size.value();
    return (inside >= 0) & (inside < size.value());
  }
  constexpr Coverage covers(const Box& box) const {
    const std::int32_t first_query = size.floor(box.first_query), last_query = size.floor(box.last_query);
    const std::int32_t first_key = size.floor(box.first_key), last_key = size.floor(box.last_key);
    if (first_key > last_query || last_key < first_query) return Coverage::none;
    return first_query == last_query && first_key == last_key ? Coverage::all : Coverage::some;
  }
  std::string describe() const { return "chunk_local(" + std::to_string(size.value()) + ")"; }
};

/// A query attends to the keys of its own chunk: positions go in chunks of `size`, from position 0 on. With causal(),
/// as in the local layers of Llama 4: chunk_local(8192) | causal().
inline ChunkLocal chunk_local(Index size) {
  detail::require(size >= 1 && size < detail::max_length, "chunk_local", "size", size,
                  "it has to be from 1 to 2^30 - 1");
  return {detail::Divisor(static_cast<std::int32_t>(size))};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
