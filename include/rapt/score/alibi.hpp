// ALiBi: scores that fall with the distance between query and key.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rapt/core/coord.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/score/compose.hpp"
#include "rapt/score/per_head.hpp"

RAPT_NAMESPACE_BEGIN

/// score becomes score − slope · |query − key|: see alibi().
struct Alibi {
  detail::PerHead<float> slopes;

  /// One fma in the element type: score − slope · distance, the distance rounded to it.
  template <class T> constexpr T change(T score, Coord c) const {
    const std::int32_t distance = c.query > c.key ? c.query - c.key : c.key - c.query;
    return ieee::fma(-static_cast<T>(slopes[c.head]), static_cast<T>(distance), score);
  }
  void check(const ProblemShape& shape) const { detail::check_per_head(slopes, "alibi", "slopes", shape); }
  std::string describe() const { return "alibi"; }
};

/// Attention with linear biases (Press et al. 2022, arXiv:2108.12409): each score loses slope · |query − key|, with a
/// slope for each query head and the distance in positions. Refers to the slopes, which have to stay as long as it is
/// used: `slopes` of a vector, or a pointer to `count` of them that stand `stride` elements apart.
///
/// Throws std::invalid_argument for a null pointer, and when it is used, for a number of slopes that is not that of the
/// query heads, and for slopes that are not finite.
inline Alibi alibi(const float* slopes, Index count, Index stride = 1) {
  return {detail::per_head("alibi", "the number of slopes", slopes, count, stride)};
}
inline Alibi alibi(std::span<const float> slopes) { return alibi(slopes.data(), std::ssize(slopes)); }
template <class K> Alibi alibi(std::vector<K>&&) {
  detail::refuse_temporary<K>();
  return {};
}

/// The standard slopes of so many heads: 2^(−8·1/n), 2^(−8·2/n), … where n, their number, is a power of two. Else those
/// of the next smaller power of two, and then every other one of twice as many, as the paper's authors have it.
inline std::vector<float> alibi_slopes(Index num_heads) {
  detail::require(num_heads >= 1 && num_heads < detail::max_length, "alibi_slopes", "num_heads", num_heads,
                  "it has to be from 1 to 2^30 - 1");
  const auto whole = static_cast<Index>(std::bit_floor(static_cast<std::uint64_t>(num_heads)));
  std::vector<float> slopes;
  for (Index i = 0; i < num_heads; ++i) {
    const double exponent = i < whole ? 8 * static_cast<double>(i + 1) / static_cast<double>(whole)
                                      : 8 * static_cast<double>(2 * (i - whole) + 1) / static_cast<double>(2 * whole);
    slopes.push_back(static_cast<float>(std::exp2(-exponent)));
  }
  return slopes;
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
