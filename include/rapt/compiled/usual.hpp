// The kernels that rapt::compiled holds whole: attention without a stage, and with causal() and window(), in float and
// double, over a caller's memory, caches and pages. (Of any other stage it holds the parts that no stage has a part in,
// kernel/parts-inl.hpp, which is most of a kernel.)
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/kv/blocked.hpp"
#include "rapt/kv/paged.hpp"
#include "rapt/kv/strided.hpp"
#include "rapt/plan/plan.hpp"
#include "rapt/score/band.hpp"
#include "rapt/score/stage.hpp"

// `part` is what stands before each: extern template, or template in the library's own files.
#define RAPT_USUAL_KERNEL(part, T, S, Kv) part ForwardKernel<T, S, Kv> forward_kernel<T, S, Kv>(Isa);
#define RAPT_USUAL_KERNELS(part, T, K, S)       \
  RAPT_USUAL_KERNEL(part, T, S, StridedKv<K>)   \
  RAPT_USUAL_KERNEL(part, T, S, BlockedKv<K>)   \
  RAPT_USUAL_KERNEL(part, T, S, PagedRowsKv<K>) \
  RAPT_USUAL_KERNEL(part, T, S, PagedBlocksKv<K>)

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_USUAL_KERNELS(extern template, float, float, Plain)
RAPT_USUAL_KERNELS(extern template, float, float, Band)
RAPT_USUAL_KERNELS(extern template, double, double, Plain)
RAPT_USUAL_KERNELS(extern template, double, double, Band)
#if RAPT_COMPILED_NARROW
RAPT_USUAL_KERNELS(extern template, float, Eigen::half, Plain)
RAPT_USUAL_KERNELS(extern template, float, Eigen::half, Band)
RAPT_USUAL_KERNELS(extern template, float, Eigen::bfloat16, Plain)
RAPT_USUAL_KERNELS(extern template, float, Eigen::bfloat16, Band)
#endif

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
