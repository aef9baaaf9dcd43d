// The kernels that rapt::compiled holds whole: of attention in float and double, with keys and values of the same or of
// 16 bits, in a caller's memory, in caches and in pages; with any score. (Of other types it holds the parts that no
// home of keys and values has a part in, kernel/parts-inl.hpp, which is most of a kernel.)
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/kv/blocked.hpp"
#include "rapt/kv/paged.hpp"
#include "rapt/kv/strided.hpp"
#include "rapt/plan/call_plan.hpp"

// `part` is what stands before each: extern template, or template in the library's own files.
#define RAPT_USUAL_CALL(part, T, Kv)                        \
  part ForwardKernel<T, Kv> forward_kernel<T, Kv>(Isa isa); \
  part class CallPlan<T, Kv>;
#define RAPT_USUAL_CALLS(part, T, K)       \
  RAPT_USUAL_CALL(part, T, StridedKv<K>)   \
  RAPT_USUAL_CALL(part, T, BlockedKv<K>)   \
  RAPT_USUAL_CALL(part, T, PagedRowsKv<K>) \
  RAPT_USUAL_CALL(part, T, PagedBlocksKv<K>)

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_USUAL_CALLS(extern template, float, float)
RAPT_USUAL_CALLS(extern template, double, double)
#if RAPT_COMPILED_NARROW
RAPT_USUAL_CALLS(extern template, float, Eigen::half)
RAPT_USUAL_CALLS(extern template, float, Eigen::bfloat16)
#endif

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
