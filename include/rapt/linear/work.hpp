// What a projection's kernel is given: the seam between ordinary code and the regions. Plain pointers and numbers.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstddef>

#include "rapt/core/matrix.hpp"
#include "rapt/isa/isa.hpp"
#include "rapt/linear/panels.hpp"
#include "rapt/linear/schedule.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// A product in T with weights stored as W.
template <class T, class W> struct LinearWork {
  MatrixView<const T> x;    // [rows, in]
  const MatrixView<T>* y;   // for each part: [rows, out]
  const LinearPart* parts;  // in the order of their panels
  Index part_count;
  const typename PanelFormat<T, W>::Unit* panels;
  const T* bias;  // [panels][panel_lanes], zeros where there is none
  LinearSchedule schedule;
};

/// The kernel of one instruction set. `scratch` is linear_scratch_bytes long, and aligned to 64.
template <class T, class W> struct LinearKernel {
  Isa isa;
  void (*run_item)(const LinearWork<T, W>&, Index item, std::byte* scratch);
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
