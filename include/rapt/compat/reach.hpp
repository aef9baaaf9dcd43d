// How far a query sees, by the place where it stands: causal masks, windows and valid lengths in one mask, whose every
// part is a number of the call.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "rapt/core/align.hpp"
#include "rapt/core/coord.hpp"
#include "rapt/score/coverage.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::detail {

/// The query of row i stands at position first + i, or, if its batch entry has a length and `from_length` is set, at
/// length − q_len + i. It attends to the keys from `left` before that to `right` after it, within the length.
struct Reach {
  static constexpr std::int32_t unbounded = std::numeric_limits<std::int32_t>::max();

  std::int32_t left = unbounded, right = unbounded;
  std::int32_t first = 0;
  const std::int64_t* lengths = nullptr;  // [batch]
  bool from_length = false;
  std::int32_t q_len = 0;
  std::optional<Align> align = rapt::align::top_left;  // so that Coord::query is the row

  constexpr std::int32_t length(std::int32_t batch) const {
    return lengths == nullptr ? unbounded : static_cast<std::int32_t>(lengths[batch]);
  }
  constexpr std::int32_t first_position(std::int32_t batch) const {
    return from_length ? length(batch) - q_len : first;
  }

  constexpr bool attends(Coord c) const {
    const std::int32_t ahead = c.key - (c.query + first_position(c.batch));
    return (ahead <= right) & (-ahead <= left) & (c.key < length(c.batch));
  }
  constexpr Coverage covers(const Box& box) const {
    const std::int32_t end = length(box.batch), moved = first_position(box.batch);
    const std::int32_t most = box.last_key - (box.first_query + moved),
                       least = box.first_key - (box.last_query + moved);
    if (box.first_key >= end || least > right || -most > left) return Coverage::none;
    return box.last_key < end && most <= right && -least <= left ? Coverage::all : Coverage::some;
  }
  std::string describe() const {
    const auto side = [](std::int32_t n) { return n == unbounded ? std::string("-1") : std::to_string(n); };
    return "window(" + side(left) + ", " + side(right) + ")" + (lengths == nullptr ? "" : " within lengths");
  }
};

/// A window's size as it stands in such a mask; negative is unbounded.
inline std::int32_t bounded(std::int64_t size) {
  return size < 0 || size >= Reach::unbounded ? Reach::unbounded : static_cast<std::int32_t>(size);
}

}  // namespace compat::detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
