// Scores with a scale of each head's own.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "rapt/core/coord.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/score/compose.hpp"
#include "rapt/score/per_head.hpp"

RAPT_NAMESPACE_BEGIN

/// score becomes score · factor: see scale_by_head().
template <class K> struct HeadScale {
  detail::PerHead<K> factors;

  /// A product that is rounded, whatever the next stage adds: see Softcap::change().
  template <class T> constexpr T change(T score, Coord c) const {
    return ieee::fma(score, static_cast<T>(factors[c.head]), T(0));
  }
  void check(const ProblemShape& shape) const { detail::check_per_head(factors, "scale_by_head", "factors", shape); }
  std::string describe() const { return "scale_by_head"; }
};

/// Each score is multiplied with the factor of its query head, after the scale of the call. Refers to the factors,
/// floats or doubles, which have to stay as long as it is used: a vector of them, or a pointer to `count` that stand
/// `stride` elements apart. Doubles are rounded to the call's element type.
///
/// Throws std::invalid_argument for a null pointer, and when it is used, for a number of factors that is not that of
/// the query heads, and for factors that are not finite.
template <class K>
  requires std::is_floating_point_v<K> HeadScale<K> scale_by_head(const K* factors, Index count, Index stride = 1) {
    return {detail::per_head("scale_by_head", "the number of factors", factors, count, stride)};
  }
inline HeadScale<float> scale_by_head(std::span<const float> factors) {
  return scale_by_head(factors.data(), std::ssize(factors));
}
inline HeadScale<double> scale_by_head(std::span<const double> factors) {
  return scale_by_head(factors.data(), std::ssize(factors));
}
template <class K> HeadScale<K> scale_by_head(std::vector<K>&&) {
  detail::refuse_temporary<K>();
  return {};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
