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

/// A score before it goes into the softmax, as exact arithmetic has it, and how far the computed one may be from it.
struct BoundedScore {
  double exact = 0, error = 0;
};

/// n roundings one after the other.
template <class T> double roundings(double n) { return n * ExpError<T>::u / (1 - n * ExpError<T>::u); }

/// The score after a stage. What changes it has a bound here, from the contract:
///
/// softcap        cap·tanh(s·(1/cap)): the error before it passes through a slope of at most 1; the argument goes
///                through two roundings (of 1/cap and of the product), which move tanh(x) by at most as many, since
///                |x·tanh'(x)| <= |tanh(x)|; tanh itself is within 5u; cap and the product are rounded: 9.
/// alibi          one rounding of the new score, and of the distance, which is exact up to 2^24.
/// scale_by_head  the error before it times the factor; one rounding, and of a double factor one more.
/// bias           one rounding of the new score, and of a double bias.
template <class T, class S> BoundedScore after_stage(const S&, BoundedScore s, rapt::Coord) {
  static_assert(!rapt::detail::Changes<S>, "a change needs a bound of its own");
  return s;
}
template <class T> BoundedScore after_stage(const rapt::Softcap& stage, BoundedScore s, rapt::Coord) {
  const double exact = stage.cap * std::tanh(s.exact / stage.cap);
  return {exact, s.error * (1 + roundings<T>(9)) + roundings<T>(9) * std::fabs(exact)};
}
template <class T> BoundedScore sum_of(BoundedScore s, double term, double term_error) {
  const double exact = s.exact + term, error = s.error + term_error;
  return {exact, error + roundings<T>(1) * (std::fabs(exact) + error)};
}
template <class T> BoundedScore after_stage(const rapt::Alibi& stage, BoundedScore s, rapt::Coord c) {
  const double distance = std::fabs(static_cast<double>(c.query) - c.key);
  return sum_of<T>(s, -static_cast<double>(stage.slopes[c.head]) * distance, 0);
}
template <class T, class K> BoundedScore after_stage(const rapt::HeadScale<K>& stage, BoundedScore s, rapt::Coord c) {
  const double factor = static_cast<double>(stage.factors[c.head]), exact = s.exact * factor;
  const double error = s.error * std::fabs(factor), count = sizeof(K) > sizeof(T) ? 2 : 1;
  return {exact, error + roundings<T>(count) * (std::fabs(exact) + error)};
}
template <class T, class K> BoundedScore after_stage(const rapt::Bias<K>& stage, BoundedScore s, rapt::Coord c) {
  const double term = stage.template change<double>(0, c);
  return sum_of<T>(s, term, sizeof(K) > sizeof(T) ? roundings<T>(1) * std::fabs(term) : 0);
}
template <class T, class K>
BoundedScore after_stage(const rapt::RelativeBias<K>& stage, BoundedScore s, rapt::Coord c) {
  const double term = stage.template change<double>(0, c);
  return sum_of<T>(s, term, sizeof(K) > sizeof(T) ? roundings<T>(1) * std::fabs(term) : 0);
}
template <class T, class A, class B>
BoundedScore after_stage(const rapt::Then<A, B>& both, BoundedScore s, rapt::Coord c) {
  return after_stage<T>(both.second, after_stage<T>(both.first, s, c), c);
}

/// What a row's bound depends on besides its length: computed from the inputs in a wider type.
struct RowFacts {
  double score_error = 0;  // of the computed scores, at most
  double spread = 0;       // between the largest and the smallest attended score, or sink
  Index keys = 0;          // attended
  bool sink = false;
};

template <class T, class S>
RowFacts facts_of_row(const Views<T>& in, const S& stage, Index b, Index h, Index i, double scale) {
  const Shape s = in.shape();
  const Index kv_head = h / (s.q_heads / s.kv_heads);
  const rapt::Align align = rapt::detail::align_of(stage).value_or(rapt::align::bottom_right);
  RowFacts facts;
  double largest = -std::numeric_limits<double>::infinity(), smallest = -largest;
  const auto take_in = [&](BoundedScore score) {
    largest = std::max(largest, score.exact);
    smallest = std::min(smallest, score.exact);
    facts.score_error = std::max(facts.score_error, score.error);
  };
  for (Index j = 0; j < s.kv_len; ++j) {
    const rapt::Coord c = rapt::detail::coord(b, h, align.first_position(s.q_len, s.kv_len) + i, j, i);
    if (!rapt::detail::attends(stage, c)) continue;
    ++facts.keys;
    double score = 0, magnitude = 0;
    for (Index d = 0; d < s.head_dim; ++d) {
      const double term = scale * static_cast<double>(in.q(b, h, i, d)) * static_cast<double>(in.k(b, kv_head, j, d));
      score += term;
      magnitude += std::fabs(term);
    }
    // The scale is rounded to T, its product with the query once more, and then one rounding a dimension.
    take_in(after_stage<T>(stage, {score, roundings<T>(static_cast<double>(s.head_dim + 2)) * magnitude}, c));
  }
  if constexpr (rapt::detail::Sinks<S>) {
    const double sink = stage.sink(static_cast<std::int32_t>(b), static_cast<std::int32_t>(h));
    facts.sink = std::isfinite(sink);
    if (facts.sink) take_in({sink, roundings<T>(1) * std::fabs(sink)});
  }
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
///         A sink is merged like one more span.
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
    const double merging = (spans + (facts.sink ? 1 : 0)) * (weight + 2);
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
template <class T, class U, class S>
testing::AssertionResult within_bound(const Result<T>& found, const Inputs<T>& inputs, const S& stage,
                                      std::optional<double> scale = {}) {
  const Shape& s = inputs.shape;
  const Inputs<U> wide(inputs);
  Inputs<U> magnitudes = wide;
  for (U& x : magnitudes.v) x = std::fabs(x);
  const auto by_reference = [&](const Inputs<U>& in) {
    Result<U> result(s);
    rapt::reference::attention(in.views().q, in.views().k, in.views().v, result.out_view(), stage,
                               Options<U>{.scale = scale, .lse = result.lse_view()});
    return result;
  };
  const Result<U> exact = by_reference(wide), magnitude = by_reference(magnitudes);
  const double factor = scale.value_or(1 / std::sqrt(static_cast<double>(s.head_dim)));
  double largest = 0, worst = 0;
  for (const T x : inputs.v) largest = std::max(largest, static_cast<double>(std::fabs(x)));
  for (Index b = 0; b < s.batch; ++b)
    for (Index h = 0; h < s.q_heads; ++h)
      for (Index i = 0; i < s.q_len; ++i) {
        const RowBound<T> bound(facts_of_row(inputs.views(), stage, b, h, i, factor), s.kv_len);
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
template <class T, class U>
testing::AssertionResult within_bound(const Result<T>& found, const Inputs<T>& inputs, const Mask& mask,
                                      std::optional<double> scale = {}) {
  return std::visit([&](const auto& stage) { return within_bound<T, U>(found, inputs, stage, scale); }, mask);
}

}  // namespace rapt_test
