// The observing kernels, once for each instruction set, and the choice among them.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/kernel/kernels.hpp"
#include "rapt/observe/work.hpp"

#define RAPT_EACH_REGION "rapt/observe/all-inl.hpp"
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

template <class T, class Kv> ObserveKernel<T, Kv> observe_kernel(Isa isa) {
  return RAPT_OF_REGION(isa, observe_kernel<T, Kv>());
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
