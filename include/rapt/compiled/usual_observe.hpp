// The observing kernels that rapt::compiled holds.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/compiled/usual_homes.hpp"
#include "rapt/observe/kernels.hpp"

#define RAPT_USUAL_OBSERVER(part, T, Kv) part ObserveKernel<T, Kv> observe_kernel<T, Kv>(Isa isa);

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_ALL_USUAL_HOMES(RAPT_USUAL_OBSERVER, extern template)

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
