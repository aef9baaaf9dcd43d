// Rows of 8-bit integers that share a scale.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>
#include <limits>

#include "rapt/core/blocks.hpp"

RAPT_NAMESPACE_BEGIN

/// The format of numbers that are a scale of their row, a float, times an integer from -127 to 127, rounded once. Made
/// of numbers as symmetric quantisation usually is: the scale is the largest magnitude in the row / 127, and the
/// integer a number / scale, to the nearest, ties away from 0. A row with a NaN or an infinity has the scale NaN.
struct int8 {};

/// The format of keys that are a scale of their channel, a dim of a head, times an integer from -127 to 127: a number
/// is the nearest integer times the scale, ties away from 0, and what is beyond 127 of it becomes that. Real keys have
/// a few channels that are much larger than the others, which a scale for each position does badly by (Liu et al. 2024,
/// "KIVI", arXiv:2402.02750; there scales are of 32 positions each, here they are given once, so that a key does not
/// depend on those that come in with it).
struct int8_channels {};

namespace detail {

/// A row of numbers, quantised: the codes go to `put(i, code)`. Returns the scale.
template <class Put> float quantise_int8(const float* x, Index count, const Put& put) {
  const float scale =
      all_finite(x, count) ? magnitude_of(furthest_from_zero(x, count)) / 127 : std::numeric_limits<float>::quiet_NaN();
  for (Index i = 0; i < count; ++i) put(i, scale > 0 ? clamped_nearest(x[i] / scale, 127) : 0);
  return scale;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
