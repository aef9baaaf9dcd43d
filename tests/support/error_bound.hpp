// How far a result may be from the exact one: derived from the arithmetic contract, not fitted to what comes out.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "support/tensors.hpp"

namespace rapt_test {

/// Relative error of the contract's exp(y), in units of the roundoff u (2^-24 for float, 2^-53 for double): `fixed` +
/// |y|·`slope`.
///
/// fixed: the polynomial's own error (given beside its coefficients); its last step, rounded to within u of a number of
/// at least √2/2 of a power of two's size: at most 1; the step before, half an ulp of a number in [1, 2) times |f| <=
/// ½, over √2: 0.36; the one before that, half an ulp of one in [¼, 1) times ¼, over √2: 0.09; all others: 0.01; the
/// rounding of f, a quarter of u, times ln 2: 0.18. slope: log2e is rounded to T, which moves the exponent's argument
/// by |y| times its relative error.
template <class T> struct ExpError {
  static constexpr long double log2e = 1.442695040888963407359924681001892137L;
  static constexpr double u = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;
  static constexpr double polynomial = sizeof(T) == 8 ? 0.06 : 1.6;
  static constexpr double fixed = polynomial + 1 + 0.36 + 0.09 + 0.01 + 0.18;
  static double slope() {
    return static_cast<double>(std::fabs(static_cast<long double>(rapt::contract::Exp<T>::log2e) / log2e - 1)) / u;
  }
};

/// What a row's bound depends on besides its length: computed from the inputs in a wider type.
struct RowFacts {
  double score_error = 0;  // of the computed scores, at most
  double spread = 0;       // between the largest and the smallest attended score
  Index keys = 0;          // attended
};

template <class T>
RowFacts facts_of_row(const Views<T>& in, const Mask& mask, Index b, Index h, Index i, double scale) {
  const Shape s = in.shape();
  const Index kv_head = h / (s.q_heads / s.kv_heads);
  RowFacts facts;
  double largest = -std::numeric_limits<double>::infinity(), smallest = -largest, magnitude = 0;
  for (Index j = 0; j < s.kv_len; ++j) {
    if (!attends(mask, s, i, j)) continue;
    ++facts.keys;
    double score = 0, sum = 0;
    for (Index d = 0; d < s.head_dim; ++d) {
      const double term = scale * static_cast<double>(in.q(b, h, i, d)) * static_cast<double>(in.k(b, kv_head, j, d));
      score += term;
      sum += std::fabs(term);
    }
    largest = std::max(largest, score);
    smallest = std::min(smallest, score);
    magnitude = std::max(magnitude, sum);
  }
  // The scale is rounded to T, its product with the query once more, and then one rounding a dimension.
  const double u = ExpError<T>::u, roundings = static_cast<double>(s.head_dim + 2);
  facts.score_error = roundings * u / (1 - roundings * u) * magnitude;
  if (facts.keys > 0) facts.spread = largest - smallest;
  return facts;
}

/// The bounds of a row. Every step of the contract multiplies a term by a factor within e^±u', u' = u/(1 − u), for each
/// rounding that it goes through, so the logarithms of the factors add up. Counted in u':
///
/// weight  exp(s − m): the difference's rounding moves the argument by |s − m|·u, then exp's own error. |s − m| is at
/// most
///         max(spread, headroom) or, beyond 88 (708 in double), the weight is 0 where it should be under `tiny`.
/// output  a weight; one fma for each key of a span (512 at most) or fewer; a rescaling for each tile of a span (8 at
/// most): exp's
///         error and a rounding; a merge for each span: exp's error and two roundings.
/// sum     a weight; the tree's 6 levels; an fma and a rescaling for each tile; a merge for each span.
/// result  output times the rounded inverse of the sum: 2 more.
///
/// Each score is off by at most E, which moves the ratio of a weight to their sum by at most e^±2E. Together:
///   |result − exact| <= sum_j w_j·|v_j| · (e^(2E + counts·u') − 1) + what underflows
///   |lse − exact|    <= E + (count of the sum)·u' + u·|lse|
template <class T> struct RowBound {
  double relative = 0, sum = 0, score_error = 0, underflow = 0;

  explicit RowBound(const RowFacts& facts, Index kv_len) {
    const double u = ExpError<T>::u / (1 - ExpError<T>::u);
    const double reach = std::min(std::max(facts.spread + 2 * facts.score_error, double(rapt::contract::headroom)),
                                  sizeof(T) == 8 ? 708.5 : 88.0);
    const double weight = ExpError<T>::fixed + (ExpError<T>::slope() + 1) * reach;
    const double spans = static_cast<double>((kv_len + rapt::contract::span - 1) / rapt::contract::span);
    const double keys = static_cast<double>(std::min(facts.keys, rapt::contract::span)), tiles = std::min(8.0, keys);
    const double merging = spans * (weight + 2);
    const double output_count = weight + keys + tiles * (weight + 1) + merging;
    const double sum_count = weight + 6 + tiles * (weight + 1) + merging;
    score_error = facts.score_error;
    sum = sum_count * u;
    relative = std::expm1(2 * score_error + (output_count + sum_count + 2) * u);
    // Weights that were flushed, each smaller than 2·min() of a sum of at least about 1; and denormal results.
    underflow = (4 * static_cast<double>(facts.keys) + 4) * static_cast<double>(std::numeric_limits<T>::min());
  }
  /// For a column whose weighted absolute values sum up to `magnitude` and are at most `largest`.
  double output(double magnitude, double largest) const { return relative * magnitude + underflow * (1 + largest); }
  double lse(double value) const { return score_error + sum + underflow + ExpError<T>::u * std::fabs(value); }
};

/// Compares with an oracle in the wider type U, whose own error the same bound with its roundoff holds more than enough
/// for.
template <class T, class U>
testing::AssertionResult within_bound(const Result<T>& found, const Inputs<T>& inputs, const Mask& mask,
                                      std::optional<double> scale = {}) {
  const Shape& s = inputs.shape;
  const Inputs<U> wide(inputs);
  Inputs<U> magnitudes = wide;
  for (U& x : magnitudes.v) x = std::fabs(x);
  const Options<U> options{.scale = scale};
  const Result<U> exact = attend_by_reference(wide.views(), mask, options),
                  magnitude = attend_by_reference(magnitudes.views(), mask, options);
  const double factor = scale.value_or(1 / std::sqrt(static_cast<double>(s.head_dim)));
  double largest = 0, worst = 0;
  for (const T x : inputs.v) largest = std::max(largest, static_cast<double>(std::fabs(x)));
  for (Index b = 0; b < s.batch; ++b)
    for (Index h = 0; h < s.q_heads; ++h)
      for (Index i = 0; i < s.q_len; ++i) {
        const RowBound<T> bound(facts_of_row(inputs.views(), mask, b, h, i, factor), s.kv_len);
        const auto off = [](T a, U x) { return a == x ? 0.0 : std::fabs(static_cast<double>(static_cast<U>(a) - x)); };
        for (Index d = 0; d < s.value_dim; ++d) {
          const double limit = bound.output(static_cast<double>(magnitude.row(b, h, i)[d]), largest);
          const double error = off(found.row(b, h, i)[d], exact.row(b, h, i)[d]);
          worst = std::max(worst, error / limit);
          if (!(error <= limit))
            return testing::AssertionFailure() << "out[" << b << ", " << h << ", " << i << ", " << d << "] is off by "
                                               << error << ", and may be by " << limit;
        }
        const double limit = bound.lse(static_cast<double>(exact.lse_of(b, h, i))),
                     error = off(found.lse_of(b, h, i), exact.lse_of(b, h, i));
        if (!(error <= limit))
          return testing::AssertionFailure()
                 << "lse[" << b << ", " << h << ", " << i << "] is off by " << error << ", and may be by " << limit;
      }
  return testing::AssertionSuccess() << "largest error over its bound: " << worst;
}

}  // namespace rapt_test
