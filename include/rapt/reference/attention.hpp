// The naive oracle: attention as the textbook has it, in four passes, with the whole row of scores in memory.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "rapt/core/coord.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/ragged_problem.hpp"
#include "rapt/plan/options.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN
namespace reference {

/// Every row of a problem, in passes.
template <class T, class S> void solve(const detail::Problem<T>& p, const S& score) {
  detail::check_stage(score, p);
  std::vector<T> weight(static_cast<std::size_t>(p.kv.longest()));
  std::vector<bool> attended(weight.size());
  const auto at = [](Index j) { return static_cast<std::size_t>(j); };

  for (Index b = 0; b < p.batch(); ++b)
    for (Index h = 0; h < p.q_heads(); ++h)
      for (Index i = 0; i < p.q_len(b); ++i) {
        const detail::StridedHead<T> kv = p.kv.head(b, h / p.group());

        // Pass 1: scores of the attended keys, changed as they shall be, and the largest of them and of the sink.
        T largest = std::numeric_limits<T>::lowest(), sink = -std::numeric_limits<T>::infinity();
        if constexpr (detail::Sinks<S>)
          sink = static_cast<T>(score.sink(static_cast<std::int32_t>(b), static_cast<std::int32_t>(h)));
        largest = std::max(largest, sink);
        for (Index j = 0; j < p.kv_len(b); ++j) {
          const Coord c = detail::coord(b, h, p.first_query(b) + i, j, i);
          attended[at(j)] = detail::attends(score, c);
          if (!attended[at(j)]) continue;
          T dot = 0;
          const T *const query = p.query(b, h, i), *const key = kv.key(j);
          for (Index d = 0; d < p.head_dim(); ++d) dot += query[d * p.q.stride[3]] * key[d * p.kv.key_stride()];
          weight[at(j)] = detail::changed(score, p.scale * dot, c);
          largest = std::max(largest, weight[at(j)]);
        }

        // Pass 2: exponentials and their sum.
        T sum = std::exp(sink - largest);
        for (Index j = 0; j < p.kv_len(b); ++j) {
          if (!attended[at(j)]) continue;
          weight[at(j)] = std::exp(weight[at(j)] - largest);
          sum += weight[at(j)];
        }

        // Pass 3: the softmax. Scores of −∞ and nothing else: no weight at all.
        for (Index j = 0; j < p.kv_len(b); ++j)
          if (attended[at(j)] && sum != T(0)) weight[at(j)] /= sum;

        // Pass 4: the weighted values.
        for (Index d = 0; d < p.value_dim(); ++d) {
          T weighted = 0;
          for (Index j = 0; j < p.kv_len(b); ++j)
            if (attended[at(j)]) weighted += weight[at(j)] * kv.value(j)[d * p.kv.value_stride()];
          p.output(b, h, i)[d * p.out.stride[3]] = weighted;
        }
        if (p.lse.wanted())
          p.logsumexp(b, h, i) = sum == T(0) ? -std::numeric_limits<T>::infinity() : largest + std::log(sum);
      }
}

// attention(): what rapt::attention() computes, as one would write it down: for reading, and for checking against.
// Takes the same arguments, and ignores the executor, the workspace and the instruction set. `T` is float or double,
// and all arithmetic is in T.
#define RAPT_REFERENCE_FRONT
#include "rapt/reference/front-inl.hpp"

}  // namespace reference
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
