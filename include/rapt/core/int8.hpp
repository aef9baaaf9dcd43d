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
