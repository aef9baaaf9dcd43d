// A number added to each score by how far the key is from the query: T5's buckets, or one for each distance.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "rapt/core/coord.hpp"
#include "rapt/core/logarithm.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/core/narrow.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/shared.hpp"
#include "rapt/score/compose.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN

/// T5's buckets of distances (Raffel et al. 2020, arXiv:1910.10683): half of them hold one distance each, the other
/// half share those up to max_distance in logarithmic steps, and the last one holds what is beyond.
struct T5Buckets {
  bool bidirectional = true;  ///< half of the buckets are for keys after the query; without, those are in bucket 0
  Index num_buckets = 32;
  Index max_distance = 128;

  /// Of each direction, those of one distance, and the steps of the others.
  Index of_direction() const { return bidirectional ? num_buckets / 2 : num_buckets; }
  Index exact() const { return of_direction() / 2; }

  /// The bucket of a key that is `ahead` positions after the query. A distance n from `exact` on is in
  /// exact + ⌊log(n / exact) / log(max_distance / exact) · (of_direction − exact)⌋, or the last one. Where that is a
  /// whole number, as for n = 16, 32 and 64 of T5's own buckets, the logarithms' rounding doesn't take it for less.
  Index bucket(Index ahead) const {
    const Index first = bidirectional && ahead > 0 ? of_direction() : 0;
    const Index n = bidirectional ? (ahead < 0 ? -ahead : ahead) : (ahead < 0 ? -ahead : 0);
    if (n < exact()) return first + n;
    const auto log_of = [&](Index x) {
      return detail::logarithm(static_cast<double>(x) / static_cast<double>(exact()));
    };
    const double steps = log_of(n) / log_of(max_distance) * static_cast<double>(of_direction() - exact());
    const double whole = std::nearbyint(steps);
    const Index step = static_cast<Index>(std::fabs(steps - whole) < 1e-9 ? whole : std::floor(steps));
    return first + (exact() + step < of_direction() ? exact() + step : of_direction() - 1);
  }
};

/// score becomes score + table[head][key − query]: see relative_bias().
template <class K> struct RelativeBias {
  MatrixView<const K> table;             // [heads, left + 1 + right]
  std::int32_t left, right;              // distances beyond are taken for these
  const char* kind;                      // for describe()
  Shared<const std::vector<K>> owned{};  // the table, if it isn't the caller's

  const K* at(std::int32_t head, std::int32_t ahead) const {
    const std::int32_t clipped = ahead < -left ? -left : ahead > right ? right : ahead;
    return &table(head, clipped + left);
  }
  /// In the element type, to which a double is rounded first.
  template <class T> constexpr T change(T score, Coord c) const {
    return score + static_cast<T>(detail::widened(*at(c.head, c.key - c.query)));
  }
  void check(const ProblemShape& shape) const {
    if (table.rows != shape.q_heads)
      detail::fail("relative_bias", {"the table's number of heads is ", table.rows},
                   {"it has to be ", shape.q_heads, ", one for each query head"});
    shape.check_apart(table, "relative_bias");
  }
  std::string describe() const {
    return std::string("relative_bias(") + kind + ", " + std::to_string(left) + ", " + std::to_string(right) + ")";
  }
};

namespace detail {

inline constexpr Index max_relative = Index(1) << 20;

template <class K> void check_table(const MatrixView<K>& table) {
  static_assert(Element<K>, "rapt: a table holds float, double, Eigen::half or Eigen::bfloat16");
  const auto strides_fit = [](Index extent, Index stride) { return std::abs(stride) <= max_reach / extent; };
  require(table.rows >= 1 && table.rows < max_length, "relative_bias", "the table's number of rows", table.rows,
          "it has to be from 1 to 2^30 - 1");
  require(table.columns >= 1 && table.columns < max_length, "relative_bias", "the table's number of columns",
          table.columns, "it has to be from 1 to 2^30 - 1");
  require(strides_fit(table.rows, table.row_stride), "relative_bias", "the table's stride of rows", table.row_stride,
          "it has to keep the table within 2^56 elements");
  require(strides_fit(table.columns, table.column_stride), "relative_bias", "the table's stride of columns",
          table.column_stride, "it has to keep the table within 2^56 elements");
  check_pointer(table.data, "relative_bias");
}

inline void check_buckets(const T5Buckets& b) {
  const Index least = b.bidirectional ? 4 : 2;
  if (b.num_buckets < least || (b.bidirectional && b.num_buckets % 2 != 0))
    fail("relative_bias", {"num_buckets is ", b.num_buckets},
         b.bidirectional ? "it has to be even, and 4 or more, for both directions" : "it has to be 2 or more");
  if (b.max_distance <= b.exact() || b.max_distance > max_relative)
    fail("relative_bias", {"max_distance is ", b.max_distance},
         {"it has to be more than the ", b.exact(), " distances with a bucket of their own, and at most 2^20"});
}

}  // namespace detail

/// A learned bias for each distance, as far as it goes: each score takes in table[head][key − query + left], and what
/// is farther than `left` positions before the query or `right` after it is taken for that.
///
///   table  [q_heads, left + 1 + right]
///
/// of float, double, Eigen::half or Eigen::bfloat16, with any strides; fastest with a head's side by side. Refers to
/// the table, which has to stay as long as it is used.
///
/// Throws std::invalid_argument for a table that can't be right, and when it is used, for another number of heads.
template <class K>
RelativeBias<std::remove_const_t<K>> relative_bias(const MatrixView<K>& table, Index left, Index right) {
  detail::check_table(table);
  detail::require(left >= 0 && left <= detail::max_relative, "relative_bias", "left", left,
                  "it has to be from 0 to 2^20");
  detail::require(right >= 0 && right <= detail::max_relative, "relative_bias", "right", right,
                  "it has to be from 0 to 2^20");
  if (table.columns != left + 1 + right)
    detail::fail("relative_bias", {"the table's number of columns is ", table.columns},
                 {"it has to be ", left + 1 + right, ", which is left + 1 + right"});
  return {table, static_cast<std::int32_t>(left), static_cast<std::int32_t>(right), "by distance"};
}

/// T5's relative position bias: each score takes in table[bucket of key − query][head].
///
///   table  [num_buckets, q_heads], as in a checkpoint's relative_attention_bias
///
/// T5's encoders have bidirectional buckets, its decoders others: {.bidirectional = false}. (T5 also has no scale:
/// {.scale = 1}.) The numbers are copied, once for each distance, when this is called.
///
/// Throws std::invalid_argument for buckets or a table that can't be right, and when it is used, for another number of
/// heads.
template <class K>
RelativeBias<std::remove_const_t<K>> relative_bias(const MatrixView<K>& table, const T5Buckets& buckets) {
  using Number = std::remove_const_t<K>;
  detail::check_table(table);
  detail::check_buckets(buckets);
  if (table.rows != buckets.num_buckets)
    detail::fail("relative_bias", {"the table's number of rows is ", table.rows},
                 {"it has to be ", buckets.num_buckets, ", the number of buckets"});
  const Index left = buckets.max_distance, right = buckets.bidirectional ? left : 0, columns = left + 1 + right;
  std::vector<Index> bucket_of;
  for (Index ahead = -left; ahead <= right; ++ahead) bucket_of.push_back(buckets.bucket(ahead));
  std::vector<Number> by_distance;
  for (Index h = 0; h < table.columns; ++h)
    for (const Index bucket : bucket_of) by_distance.push_back(table(bucket, h));
  const auto owned = Shared<const std::vector<Number>>::make(std::move(by_distance));
  return {row_major(owned->data(), table.columns, columns), static_cast<std::int32_t>(left),
          static_cast<std::int32_t>(right), buckets.bidirectional ? "T5" : "T5, causal", owned};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
