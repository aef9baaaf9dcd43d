// Attention sinks: a logit for each head that takes weight from the keys and has no value.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "rapt/score/compose.hpp"
#include "rapt/score/per_head.hpp"

RAPT_NAMESPACE_BEGIN

/// A sink for each query head: see sinks().
template <class K> struct HeadSinks {
  detail::PerHead<K> logits;

  double sink(std::int32_t, std::int32_t head) const { return static_cast<double>(logits[head]); }
  void check(const ProblemShape& shape) const { detail::check_per_head(logits, "sinks", "logits", shape, true); }
  std::string describe() const { return "sinks"; }
};

/// One more logit in each row's softmax, that of its query head, without a value: it joins the sum of weights, once,
/// and the logsumexp (Xiao et al. 2024, arXiv:2309.17453; learned, as in GPT-OSS). It is as it stands, neither scaled
/// nor changed by other stages, wherever it is composed; −∞ is none. A row without a key has output 0, and its sink as
/// its logsumexp. Refers to the logits, floats or doubles, which have to stay as long as it is used: a vector of them,
/// or a pointer to `count` that stand `stride` elements apart. Doubles are rounded to the call's element type.
///
/// Throws std::invalid_argument for a null pointer, and when it is used, for a number of logits that is not that of the
/// query heads, and for logits that are NaN or ∞.
template <class K>
  requires std::is_floating_point_v<K> HeadSinks<K> sinks(const K* logits, Index count, Index stride = 1) {
    return {detail::per_head("sinks", "the number of logits", logits, count, stride)};
  }
inline HeadSinks<float> sinks(std::span<const float> logits) { return sinks(logits.data(), std::ssize(logits)); }
inline HeadSinks<double> sinks(std::span<const double> logits) { return sinks(logits.data(), std::ssize(logits)); }
template <class K> HeadSinks<K> sinks(std::vector<K>&&) {
  detail::refuse_temporary<K>();
  return {};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
