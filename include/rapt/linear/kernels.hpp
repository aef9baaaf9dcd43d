// The projections' kernels, once for each instruction set, and the choice among them.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "rapt/isa/vocabulary.hpp"
#include "rapt/linear/block_panels.hpp"
#include "rapt/linear/int8.hpp"
#include "rapt/linear/work.hpp"

#define RAPT_EACH_REGION "rapt/linear/all-inl.hpp"
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

template <class T, class W> LinearKernel<T, W> linear_kernel(Isa isa) {
  return RAPT_OF_REGION(isa, linear::kernel<T, W>());
}

#if RAPT_COMPILED
RAPT_PART LinearKernel<float, float> linear_kernel<float, float>(Isa);
RAPT_PART LinearKernel<double, double> linear_kernel<double, double>(Isa);
#endif

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
