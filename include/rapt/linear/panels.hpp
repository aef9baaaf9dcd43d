// How weights are kept: panels of outputs, with the outputs in the lanes, the same for every instruction set.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>

#include "rapt/core/matrix.hpp"
#include "rapt/plan/schedule.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Outputs of a panel: four AVX-512 registers of them. Panel p is [in][panel_lanes], with the weights of output
/// p · panel_lanes + lane in each lane, and zeros where there is no such output.
template <class T> inline constexpr Index panel_lanes = 256 / static_cast<Index>(sizeof(T));

/// One of the stacked weight matrices. It begins with a panel of its own, so that every panel's outputs have one
/// destination.
struct LinearPart {
  Index out;          // its outputs
  Index first_panel;  // among the panels of all
};

/// Packs a weight matrix [out, in]: from `panels` on, ceil(out / panel_lanes) panels.
template <class T> void pack_weights(const MatrixView<const T>& weight, T* panels) {
  constexpr Index lanes = panel_lanes<T>, line = 64 / Index(sizeof(T));
  const Index out = weight.rows, in = weight.columns;
  for (Index first = 0; first < out; first += lanes, panels += in * lanes) {
    const Index count = std::min(lanes, out - first);
    // A cache line of each row in turn: whichever way the matrix lies, what has been fetched is used up.
    for (Index begin = 0; begin < in; begin += line) {
      const Index end = std::min(begin + line, in);
      for (Index lane = 0; lane < lanes; ++lane)
        for (Index i = begin; i < end; ++i) panels[i * lanes + lane] = lane < count ? weight(first + lane, i) : T(0);
    }
  }
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
