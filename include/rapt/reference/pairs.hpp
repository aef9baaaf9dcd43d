// The arithmetic contract of bfloat16, transcribed: where queries, keys and values all are, products join a sum two by
// two. Every kernel gives these bits.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "rapt/core/pair.hpp"
#include "rapt/reference/contract.hpp"

RAPT_NAMESPACE_BEGIN
namespace contract {

/// As RowState, in pairs.
struct PairRowState : RowState<float> {
  /// The score of a query and a key: of an odd head_dim, the last pair ends with a 0. The scale comes after the sum, as
  /// it would round a query once more.
  static float score(const float* q, Index q_stride, const float* k, Index k_stride, Index head_dim, float scale) {
    float sum = 0;
    for (Index d = 0; d < head_dim; d += 2) {
      const bool two = d + 1 < head_dim;
      sum = detail::multiply_add(detail::pair_of(q[d * q_stride], two ? q[(d + 1) * q_stride] : 0.f),
                                 detail::pair_of(k[d * k_stride], two ? k[(d + 1) * k_stride] : 0.f), sum);
    }
    return detail::flushed_mul(sum, scale);
  }

  /// Weights are rounded to bfloat16, and their sum takes in the rounded ones. A key that is not attended to has weight
  /// 0 and value 0.
  void take(const float (&s)[tile], const bool (&attended)[tile], const float* const (&value)[tile],
            Index value_stride) {
    const float alpha = advance(s, attended);
    float p[tile], sum[tile];
    for (Index j = 0; j < tile; ++j)
      sum[j] = p[j] = detail::even_of(detail::pair_of(attended[j] ? exp(s[j] - m) : 0.f, 0));
    l = ieee::fma(l, alpha, tree_sum(sum));
    for (Index d = 0; d < static_cast<Index>(o.size()); ++d) {
      float& x = o[static_cast<std::size_t>(d)];
      x = detail::flushed_mul(x, alpha);
      const auto v = [&](Index j) { return attended[j] ? value[j][d * value_stride] : 0.f; };
      for (Index j = 0; j < tile; j += 2)
        x = detail::multiply_add(detail::pair_of(p[j], p[j + 1]), detail::pair_of(v(j), v(j + 1)), x);
    }
  }
};

/// What rapt::attention() computes of bfloat16, before the output is rounded; of the same numbers as floats.
template <class S = Plain>
void attention_of_pairs(const View<const float>& q, const View<const float>& k, const View<const float>& v,
                        const View<float>& out, const S& score = {}, const Options<float>& options = {}) {
  solve_views_by<PairRowState>(q, k, v, out, score, options);
}

}  // namespace contract
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
