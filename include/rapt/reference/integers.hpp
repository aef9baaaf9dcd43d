// The arithmetic contract of keys and values that a cache keeps as codes, transcribed. Queries meet codes of keys, and
// weights codes of values, as integers of 16 bits, and their products are added up exactly. Every kernel gives these
// bits.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "rapt/kv/formats.hpp"
#include "rapt/reference/contract.hpp"

RAPT_NAMESPACE_BEGIN
namespace contract {

/// Numbers as integers from -32639 to 32639 times a unit.
struct Integers {
  std::vector<std::int64_t> of;
  float unit;

  /// The sum of numbers [begin, end).
  float sum(Index begin, Index end) const {
    std::int64_t all = 0;
    for (Index i = begin; i < end; ++i) all += of[static_cast<std::size_t>(i)];
    return static_cast<float>(all);
  }
};

/// The largest magnitude becomes 32639, the others the nearest integers, ties to even. Numbers that are all below
/// 2^-100 become 0; where one is not finite, the unit is NaN.
inline Integers integers(const float* x, Index stride, Index count) {
  float largest = 0;
  bool finite = true;
  for (Index i = 0; i < count; ++i) {
    largest = std::max(largest, std::abs(x[i * stride]));
    finite = finite && ieee::is_finite(x[i * stride]);
  }
  Integers whole{std::vector<std::int64_t>(static_cast<std::size_t>(count)), 0};
  if (!finite) whole.unit = std::numeric_limits<float>::quiet_NaN();
  if (!finite || largest < 0x1p-100f) return whole;
  const float steps = most_digits / largest, shifter = 0x1.8p23f;
  whole.unit = largest / most_digits;
  for (Index i = 0; i < count; ++i)
    whole.of[static_cast<std::size_t>(i)] =
        static_cast<std::int64_t>(ieee::fma(x[i * stride], steps, shifter) - shifter);
  return whole;
}

/// A row of numbers in a format: codes, and for each group of so many a scale and a minimum.
struct CodeRow {
  std::vector<int> codes;
  std::vector<float> scales, minima;
  Index group;

  Index group_of(Index i) const { return std::min(i / group, static_cast<Index>(scales.size()) - 1); }
};

template <class F> CodeRow code_row(const float* x, Index stride, Index count) {
  CodeRow row{std::vector<int>(static_cast<std::size_t>(count)), {}, {}, detail::Format<F>::block};
  std::vector<float> numbers(static_cast<std::size_t>(detail::round_up(count, detail::block_size)));
  for (Index i = 0; i < count; ++i) numbers[static_cast<std::size_t>(i)] = x[i * stride];
  if constexpr (std::is_same_v<F, int8>) {
    row.group = count;
    row.scales = {detail::quantise_int8(numbers.data(), count,
                                        [&](Index i, int code) { row.codes[static_cast<std::size_t>(i)] = code; })};
  } else if constexpr (std::is_same_v<F, int8_channels>) {
    row.group = count;
    row.scales = {1};
    for (Index i = 0; i < count; ++i)
      row.codes[static_cast<std::size_t>(i)] = detail::clamped_nearest(numbers[static_cast<std::size_t>(i)], 127);
  } else {
    for (Index begin = 0; begin < count; begin += row.group) {
      const F block = detail::quantised_block<F>(numbers.data() + begin);
      for (Index i = begin; i < std::min(begin + row.group, count); ++i)
        row.codes[static_cast<std::size_t>(i)] = detail::code_of(block, i - begin);
      row.scales.push_back(detail::from_half_bits(block.d));
      if constexpr (detail::Format<F>::minimum) row.minima.push_back(detail::from_half_bits(block.m));
    }
  }
  return row;
}

/// As RowState, of keys kept as K and values kept as V.
template <class K, class V> struct IntegerRowState : RowState<float> {
  /// For each group of dims, and of int8 for each 512 of them: the integers' sum, rounded once, times the scale; and
  /// the queries' sum times the minimum. The call's scale comes with the queries' unit.
  static float score(const float* q, Index q_stride, const float* k, Index k_stride, Index head_dim, float scale) {
    if constexpr (!QuantisedElement<K>) {
      return RowState<float>::score(q, q_stride, k, k_stride, head_dim, scale);
    } else {
      const Integers query = integers(q, q_stride, head_dim);
      const CodeRow key = code_row<K>(k, k_stride, head_dim);
      const Index step = std::min(key.group, Index(512));
      float sum = 0;
      for (Index begin = 0; begin < head_dim; begin += step) {
        const Index end = std::min(begin + step, head_dim);
        const std::size_t group = static_cast<std::size_t>(key.group_of(begin));
        std::int64_t products = 0;
        for (Index d = begin; d < end; ++d)
          products += query.of[static_cast<std::size_t>(d)] * key.codes[static_cast<std::size_t>(d)];
        sum = ieee::fma(static_cast<float>(products), key.scales[group], sum);
        if (!key.minima.empty()) sum = ieee::fma(key.minima[group], query.sum(begin, end), sum);
      }
      return sum * (query.unit * scale);
    }
  }

  /// Weights times the values' scales are integers of 16 bits, for each group of dims, and those times codes are added
  /// up; weights times minima are added up by the tree. A weight of 0 leaves a value out.
  void take(const float (&s)[tile], const bool (&attended)[tile], const float* const (&value)[tile],
            Index value_stride) {
    if constexpr (!QuantisedElement<V>) {
      RowState<float>::take(s, attended, value, value_stride);
    } else {
      const Index dim = static_cast<Index>(o.size());
      std::vector<CodeRow> values;
      for (Index j = 0; j < tile; ++j)
        values.push_back(value[j] == nullptr ? CodeRow{} : code_row<V>(value[j], value_stride, dim));

      const float alpha = advance(s, attended);
      float p[tile], sum[tile];
      for (Index j = 0; j < tile; ++j) sum[j] = p[j] = attended[j] ? exp(s[j] - m) : 0.f;
      l = ieee::fma(l, alpha, tree_sum(sum));

      const Index step = detail::Format<V>::block == 0 ? dim : detail::Format<V>::block;
      for (Index begin = 0; begin < dim; begin += step) {
        const std::size_t group = static_cast<std::size_t>(begin / step);
        float scaled[tile], lowest[tile];
        for (Index j = 0; j < tile; ++j) {
          scaled[j] = p[j] == 0 ? 0 : p[j] * values[static_cast<std::size_t>(j)].scales[group];
          if constexpr (detail::Format<V>::minimum)
            lowest[j] = p[j] == 0 ? 0 : p[j] * values[static_cast<std::size_t>(j)].minima[group];
        }
        const Integers weight = integers(scaled, 1, tile);
        for (Index d = begin; d < std::min(begin + step, dim); ++d) {
          std::int64_t products = 0;
          for (Index j = 0; j < tile; ++j)
            if (value[j] != nullptr)
              products += weight.of[static_cast<std::size_t>(j)] *
                          values[static_cast<std::size_t>(j)].codes[static_cast<std::size_t>(d)];
          float& x = o[static_cast<std::size_t>(d)];
          x = ieee::fma(static_cast<float>(products), weight.unit, x * alpha);
        }
        if constexpr (detail::Format<V>::minimum) {
          const float all = tree_sum(lowest);
          for (Index d = begin; d < std::min(begin + step, dim); ++d) o[static_cast<std::size_t>(d)] += all;
        }
      }
    }
  }
};

/// What rapt::attention() computes of a cache of K and V that these keys and values were appended to. Of int8_channels:
/// of keys divided by the scales of their channels, and queries multiplied with them; of keys turned by Hadamard's
/// matrix: of such keys, and queries turned as well.
template <class K, class V, class S = Plain>
void attention_of_codes(const View<const float>& q, const View<const float>& k, const View<const float>& v,
                        const View<float>& out, const S& score = {}, const Options<float>& options = {}) {
  solve_views_by<IntegerRowState<K, V>>(q, k, v, out, score, options);
}

}  // namespace contract
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
