// The arithmetic contract of keys and values that are times a scale of their head, as those of 8 bits with a point.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <span>

#include "rapt/reference/contract.hpp"

RAPT_NAMESPACE_BEGIN
namespace contract {

/// What rapt::attention() computes of a cache that keeps these keys and values times such scales, one for each
/// key/value head: queries are multiplied with scale · key_scales[h], rounded, and each span's outputs with
/// value_scales[h], before they are merged.
template <class S = Plain>
void attention_of_scaled(const View<const float>& q, const View<const float>& k, const View<const float>& v,
                         std::span<const float> key_scales, std::span<const float> value_scales, const View<float>& out,
                         const S& score = {}, const Options<float>& options = {}) {
  solve_views_by<RowState<float>>(q, k, v, out, score, options, detail::HeadScales{key_scales.data()},
                                  detail::HeadScales{value_scales.data()});
}

}  // namespace contract
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
