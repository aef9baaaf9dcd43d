// How weights are kept: panels of outputs, with the outputs in the lanes, the same for every instruction set.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <type_traits>

#include "rapt/core/matrix.hpp"
#include "rapt/core/narrow.hpp"
#include "rapt/plan/schedule.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Outputs of a panel: four AVX-512 registers of them.
template <class T> inline constexpr Index panel_lanes = 256 / static_cast<Index>(sizeof(T));

/// One of the stacked weight matrices. It begins with a panel of its own, so that every panel's outputs have one
/// destination.
struct LinearPart {
  Index out;          // its outputs
  Index first_panel;  // among the panels of all
};

/// A weight as it is kept.
template <class S, class W> void keep_weight(const S& weight, W& kept) {
  if constexpr (std::is_same_v<S, W>)
    kept = weight;
  else
    narrow(weight, kept);
}

/// Packs a weight matrix [out, in]: from `panels` on, ceil(out / panel_lanes) panels. Panel p is [in][panel_lanes],
/// with the weights of output p · panel_lanes + lane in each lane, and zeros where there is no such output.
template <class S, class W> void pack_weights(const MatrixView<const S>& weight, W* panels) {
  using T = arithmetic_t<W>;
  constexpr Index lanes = panel_lanes<T>, line = 64 / Index(sizeof(S));
  const Index out = weight.rows, in = weight.columns;
  for (Index first = 0; first < out; first += lanes, panels += in * lanes) {
    const Index count = std::min(lanes, out - first);
    // A cache line of each row in turn: whichever way the matrix lies, what has been fetched is used up.
    for (Index begin = 0; begin < in; begin += line) {
      const Index end = std::min(begin + line, in);
      for (Index lane = 0; lane < lanes; ++lane)
        for (Index i = begin; i < end; ++i) {
          W& kept = panels[i * lanes + lane];
          if (lane < count)
            keep_weight(weight(first + lane, i), kept);
          else
            narrow(T(0), kept);
        }
    }
  }
}

/// How weights of the format W stand in the panels of what is computed in T: so many units a panel, in the order of the
/// inputs. Here element by element; a format of another kind joins by a specialisation.
template <class T, class W> struct PanelFormat {
  using Unit = W;
  static constexpr Index units(Index in) { return in * panel_lanes<T>; }
  /// Up to where `input` stands, the first of a slice.
  static constexpr Index units_before(Index input) { return input * panel_lanes<T>; }
  template <class S> static void pack(const MatrixView<const S>& weight, Unit* panels) { pack_weights(weight, panels); }
};

/// Inputs that an element of a weight matrix stands for.
template <class S> inline constexpr Index inputs_of_element = 1;

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
