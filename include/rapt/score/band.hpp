// Causal masks and sliding windows: both are a band of distances between a query and the keys that it attends to.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "rapt/core/align.hpp"
#include "rapt/core/coord.hpp"
#include "rapt/core/error.hpp"
#include "rapt/score/compose.hpp"
#include "rapt/score/coverage.hpp"

RAPT_NAMESPACE_BEGIN

/// A query at position p attends to the keys from p − left to p + right, both inclusive.
struct Band {
  static constexpr std::int32_t unbounded = std::numeric_limits<std::int32_t>::max();

  std::int32_t left = unbounded;
  std::int32_t right = unbounded;
  std::optional<Align> align{};  ///< unset: whatever the rest of the composition says, bottom-right if nothing does

  constexpr bool attends(Coord c) const { return (c.key - c.query <= right) & (c.query - c.key <= left); }

  constexpr Coverage covers(const Box& box) const {
    const std::int32_t ahead_most = box.last_key - box.first_query, ahead_least = box.first_key - box.last_query;
    if (ahead_least > right || -ahead_most > left) return Coverage::none;
    if (ahead_most <= right && -ahead_least <= left) return Coverage::all;
    return Coverage::some;
  }

  std::string describe() const {
    const auto side = [](std::int32_t n) { return n == unbounded ? std::string("-1") : std::to_string(n); };
    const std::string where = align ? ", " + detail::describe(*align) : "";
    if (right == 0 && left == unbounded) return "causal" + where;
    if (right == 0) return "causal | window(" + side(left) + ", -1)" + where;
    return "window(" + side(left) + ", " + side(right) + ")" + where;
  }
};

/// Each query attends to its own position and those before it. By default the last query stands at the last key.
constexpr Band causal(std::optional<Align> align = {}) { return {Band::unbounded, 0, align}; }

/// Each query attends to at most `left` keys before its own position and `right` after it; −1 is unbounded. So
/// window(W, 0) is W + 1 keys with the query's own, as in FlashAttention.
inline Band window(Index left, Index right, std::optional<Align> align = {}) {
  const auto side = [](const char* name, Index n) {
    detail::require(n >= -1 && n < Band::unbounded, "window", name, n, "it has to be a distance, or -1 for unbounded");
    return n == -1 ? Band::unbounded : static_cast<std::int32_t>(n);
  };
  return {side("left", left), side("right", right), align};
}

/// Both at once: a band again.
inline Band operator|(const Band& a, const Band& b) {
  return {std::min(a.left, b.left), std::min(a.right, b.right), detail::one_align(a.align, b.align)};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
