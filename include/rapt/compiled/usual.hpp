// The kernels of attention that rapt::compiled holds whole, with any score. (Of types that compiled/usual_homes.hpp
// hasn't, it holds the parts that no home of keys and values has a part in, kernel/parts-inl.hpp, which is most of a
// kernel.)
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/compiled/usual_homes.hpp"
#include "rapt/plan/call_plan.hpp"

#define RAPT_USUAL_CALL(part, T, Kv)                        \
  part ForwardKernel<T, Kv> forward_kernel<T, Kv>(Isa isa); \
  part class CallPlan<T, Kv>;

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_ALL_USUAL_HOMES(RAPT_USUAL_CALL, extern template)

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
