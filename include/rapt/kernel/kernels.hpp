// The kernels, once for each instruction set, and the choice among them.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "rapt/core/contract.hpp"
#include "rapt/core/coord.hpp"
#include "rapt/core/hadamard.hpp"
#include "rapt/core/logarithm.hpp"
#include "rapt/core/view.hpp"
#include "rapt/isa/convert.hpp"
#include "rapt/isa/vocabulary.hpp"
#include "rapt/kernel/work.hpp"
#include "rapt/score/alibi.hpp"
#include "rapt/score/bias.hpp"
#include "rapt/score/bit_mask.hpp"
#include "rapt/score/block_sparse.hpp"
#include "rapt/score/compose.hpp"
#include "rapt/score/coverage.hpp"
#include "rapt/score/dense_mask.hpp"
#include "rapt/score/document.hpp"
#include "rapt/score/logic.hpp"
#include "rapt/score/relative_bias.hpp"
#include "rapt/score/scale_by_head.hpp"
#include "rapt/score/softcap.hpp"
#include "rapt/score/when.hpp"

#define RAPT_EACH_REGION "rapt/kernel/all-inl.hpp"
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// What runs by default: of keys, or values, that are codes, the kernel for integers.
template <class T, class Kv> ForwardKernel<T, Kv> forward_kernel(Isa isa) {
  if constexpr (has_codes<Kv>) {
    ForwardKernel<T, Kv> kernel = RAPT_OF_REGION(isa, code_kernel<T, Kv>());
    kernel.isa = integer_loops<typename Kv::StoredKey, typename Kv::StoredValue>(isa).isa;
    return kernel;
  } else {
    return RAPT_OF_REGION(isa, forward_kernel<T, T, Kv>());
  }
}
/// The same by multiply-adds of depth 2, of pairs of bfloat16.
template <class Kv> ForwardKernel<float, Kv> pair_kernel(Isa isa) {
  return RAPT_OF_PAIR_REGION(isa, forward_kernel<float, Pair, Kv>());
}
template <class T, bool by_rows = false, class S> Scoring<T> scoring_of(const S& stage, Isa isa) {
  return RAPT_OF_REGION(isa, scoring<T, by_rows>(stage));
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
