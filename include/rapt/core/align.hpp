// Where the queries stand in the sequence of the keys.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <string>

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN

/// Which position the first query has. Masks see positions, so one alignment holds for a whole composition.
struct Align {
  enum class Kind { bottom_right, top_left, offset } kind = Kind::bottom_right;
  Index first = 0;  ///< the first query's position, for Kind::offset

  constexpr Index first_position(Index q_len, Index kv_len) const {
    switch (kind) {
      case Kind::top_left: return 0;
      case Kind::offset: return first;
      case Kind::bottom_right: break;
    }
    return kv_len - q_len;
  }
  friend constexpr bool operator==(const Align&, const Align&) = default;
};

namespace align {

/// The last query stands at the last key: query i at position i + kv_len − q_len. What a cache needs, and the default.
inline constexpr Align bottom_right{};
/// The first query stands at the first key: query i at position i.
inline constexpr Align top_left{Align::Kind::top_left, 0};
/// Query i stands at position i + first.
constexpr Align offset(Index first) { return {Align::Kind::offset, first}; }

}  // namespace align

namespace detail {

inline std::string describe(const Align& a) {
  switch (a.kind) {
    case Align::Kind::top_left: return "top-left";
    case Align::Kind::offset: return "offset " + std::to_string(a.first);
    case Align::Kind::bottom_right: break;
  }
  return "bottom-right";
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
