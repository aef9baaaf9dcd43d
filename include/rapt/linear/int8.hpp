// Weights of 8 bits, with a scale for each output.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "rapt/core/blocks.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/linear/panels.hpp"

RAPT_NAMESPACE_BEGIN

/// The format of weights that are a scale of their output, a float, times an integer from -127 to 127, rounded once.
/// Made of numbers as per-channel symmetric quantisation usually is: the scale is the largest magnitude among an
/// output's weights / 127, and the integer a weight / scale, to the nearest, ties away from 0. An output with a weight
/// that is NaN or infinite has the scale NaN.
struct int8 {};

namespace detail {

/// A row of weights, quantised: codes `step` apart, and the scale.
inline float quantise_row(const MatrixView<const float>& weight, Index row, std::int8_t* codes, Index step) {
  float largest = 0;
  bool finite = true;
  for (Index i = 0; i < weight.columns; ++i) {
    largest = std::max(largest, magnitude_of(weight(row, i)));
    finite = finite && ieee::is_finite(weight(row, i));
  }
  const float scale = finite ? largest / 127 : std::numeric_limits<float>::quiet_NaN();
  for (Index i = 0; i < weight.columns; ++i) {
    const float steps = scale > 0 ? weight(row, i) / scale : 0.0f;
    codes[i * step] = static_cast<std::int8_t>(clamped_nearest(steps, 127));
  }
  return scale;
}

/// A panel is [in][panel_lanes] codes, and then [panel_lanes] scales; zeros where there is no output.
template <> struct PanelFormat<float, int8> {
  using Unit = std::int8_t;
  static constexpr Index lanes = panel_lanes<float>, scale_bytes = lanes * Index(sizeof(float));

  static constexpr Index units(Index in) { return in * lanes + scale_bytes; }
  static constexpr Index units_before(Index input) { return input * lanes; }

  static void pack(const MatrixView<const float>& weight, Unit* panels) {
    const Index out = weight.rows, in = weight.columns;
    for (Index first = 0; first < out; first += lanes, panels += units(in)) {
      std::fill_n(panels, units(in), Unit(0));
      float* const scales = reinterpret_cast<float*>(panels + units_before(in));
      for (Index lane = 0; lane < std::min(lanes, out - first); ++lane)
        scales[lane] = quantise_row(weight, first + lane, panels + lane, lanes);
    }
  }
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
