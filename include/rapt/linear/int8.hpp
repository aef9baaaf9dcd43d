// Weights of 8 bits, with a scale for each output.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "rapt/core/int8.hpp"
#include "rapt/linear/panels.hpp"

RAPT_NAMESPACE_BEGIN

namespace detail {

/// A row of weights, quantised: codes `step` apart, and the scale.
inline float quantise_row(const MatrixView<const float>& weight, Index row, std::int8_t* codes, Index step) {
  std::vector<float> numbers(static_cast<std::size_t>(weight.columns));
  for (Index i = 0; i < weight.columns; ++i) numbers[static_cast<std::size_t>(i)] = weight(row, i);
  return quantise_int8(numbers.data(), weight.columns,
                       [&](Index i, int code) { codes[i * step] = static_cast<std::int8_t>(code); });
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
