// The observing kernels that rapt::compiled holds, of the same types and homes as compiled/usual.hpp.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/kv/blocked.hpp"
#include "rapt/kv/paged.hpp"
#include "rapt/kv/strided.hpp"
#include "rapt/observe/kernels.hpp"

#define RAPT_USUAL_OBSERVER(part, T, Kv) part ObserveKernel<T, Kv> observe_kernel<T, Kv>(Isa isa);
#define RAPT_USUAL_OBSERVERS(part, T, K)       \
  RAPT_USUAL_OBSERVER(part, T, StridedKv<K>)   \
  RAPT_USUAL_OBSERVER(part, T, BlockedKv<K>)   \
  RAPT_USUAL_OBSERVER(part, T, PagedRowsKv<K>) \
  RAPT_USUAL_OBSERVER(part, T, PagedBlocksKv<K>)

RAPT_NAMESPACE_BEGIN
namespace detail {

RAPT_USUAL_OBSERVERS(extern template, float, float)
RAPT_USUAL_OBSERVERS(extern template, double, double)
#if RAPT_COMPILED_NARROW
RAPT_USUAL_OBSERVERS(extern template, float, Eigen::half)
RAPT_USUAL_OBSERVERS(extern template, float, Eigen::bfloat16)
#endif

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
