// A row's scores, at a stage of their making, in memory: for ONNX Attention's qk_matmul_output.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "rapt/core/coord.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/view.hpp"
#include "rapt/plan/options.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::onnx::detail {

/// to(b, h, i, j) becomes the score of query i and key j after the given stages, −∞ where a mask says no; one after the
/// other, by the arithmetic contract.
template <class T, class S>
void scores(const View<const T>& q, const View<const T>& k, const View<T>& to, const S& stages,
            const rapt::Options<T>& options) {
  const T scale = rapt::detail::checked_scale<T>(options.scale, q.dim());
  const Index group = q.heads() / k.heads();
  for (Index b = 0; b < q.batch(); ++b)
    for (Index h = 0; h < q.heads(); ++h)
      for (Index i = 0; i < q.length(); ++i)
        for (Index j = 0; j < k.length(); ++j) {
          const Coord c = rapt::detail::coord(b, h, i, j, i);
          T score = 0;
          for (Index d = 0; d < q.dim(); ++d) score = std::fma(scale * q(b, h, i, d), k(b, h / group, j, d), score);
          to(b, h, i, j) = rapt::detail::attends(stages, c) ? rapt::detail::changed<T>(stages, score, c)
                                                            : -std::numeric_limits<T>::infinity();
        }
}

/// And the softmax of them; 0 in a row that attends to nothing.
template <class T, class S>
void probabilities(const View<const T>& q, const View<const T>& k, const View<T>& to, const S& stages,
                   const rapt::Options<T>& options) {
  scores(q, k, to, stages, options);
  for (Index b = 0; b < q.batch(); ++b)
    for (Index h = 0; h < q.heads(); ++h)
      for (Index i = 0; i < q.length(); ++i) {
        T largest = std::numeric_limits<T>::lowest(), sum = 0;
        for (Index j = 0; j < k.length(); ++j) largest = std::max(largest, to(b, h, i, j));
        for (Index j = 0; j < k.length(); ++j) sum += to(b, h, i, j) = std::exp(to(b, h, i, j) - largest);
        for (Index j = 0; j < k.length() && sum != T(0); ++j) to(b, h, i, j) /= sum;
      }
}

}  // namespace compat::onnx::detail
RAPT_NAMESPACE_END
