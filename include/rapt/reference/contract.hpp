// The arithmetic contract, transcribed: one row at a time, one operation after the other. Every kernel gives these
// bits.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "rapt/core/contract.hpp"
#include "rapt/core/coord.hpp"
#include "rapt/core/elementary.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/core/logarithm.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/ragged_problem.hpp"
#include "rapt/kv/formats.hpp"
#include "rapt/plan/options.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN
namespace contract {

/// The sum of a tile's numbers, by the tree.
template <class T> T tree_sum(T (&x)[tile]) {
  for (Index h = tile / 2; h >= 1; h /= 2)
    for (Index j = 0; j < h; ++j) x[j] += x[j + h];
  return x[0];
}

/// The softmax state of one row.
template <class T> struct RowState {
  T m = std::numeric_limits<T>::lowest();
  T l = 0;
  std::vector<T> o;

  /// The score of a query and a key.
  static T score(const T* q, Index q_stride, const T* k, Index k_stride, Index head_dim, T scale) {
    T sum = 0;
    for (Index d = 0; d < head_dim; ++d) sum = ieee::fma(scale * q[d * q_stride], k[d * k_stride], sum);
    return sum;
  }

  /// m follows the largest attended score of a tile, where that is far above it. Returns what the state is multiplied
  /// by.
  T advance(const T (&s)[tile], const bool (&attended)[tile]) {
    T largest = std::numeric_limits<T>::lowest();
    for (Index j = 0; j < tile; ++j)
      if (attended[j] && s[j] > largest) largest = s[j];
    const T before = m;
    if (largest > m + T(headroom)) m = largest;
    return exp(before - m);
  }

  /// Takes in a tile: the scores of its keys, which of them are attended, and where their values stand.
  void take(const T (&s)[tile], const bool (&attended)[tile], const T* const (&value)[tile], Index value_stride) {
    const T alpha = advance(s, attended);
    T p[tile], sum[tile];
    for (Index j = 0; j < tile; ++j) sum[j] = p[j] = attended[j] ? exp(s[j] - m) : T(0);
    l = ieee::fma(l, alpha, tree_sum(sum));
    for (Index d = 0; d < static_cast<Index>(o.size()); ++d) {
      T& x = o[static_cast<std::size_t>(d)];
      x *= alpha;
      for (Index j = 0; j < tile; ++j)
        if (attended[j]) x = ieee::fma(p[j], value[j][d * value_stride], x);
    }
  }

  /// Takes in the state of a later span.
  void merge(const RowState& later) {
    const T next = m > later.m ? m : later.m;
    const T alpha = exp(m - next), beta = exp(later.m - next);
    m = next;
    l = ieee::fma(later.l, beta, l * alpha);
    for (std::size_t d = 0; d < o.size(); ++d) o[d] = ieee::fma(later.o[d], beta, o[d] * alpha);
  }
};

/// Every row of a problem, by rows of a kind. Keys and values may be times a scale of their head.
template <class Row, class T, class S>
void solve_by(const detail::Problem<T>& p, const S& score, const detail::HeadScales& key_scales = {},
              const detail::HeadScales& value_scales = {}) {
  detail::check_stage(score, p);
  for (Index b = 0; b < p.batch(); ++b)
    for (Index h = 0; h < p.q_heads(); ++h)
      for (Index i = 0; i < p.q_len(b); ++i) {
        const std::vector<T> zero(static_cast<std::size_t>(p.value_dim()));
        RowState<T> total{.o = zero};
        const detail::StridedHead<T> kv = p.kv.head(b, h / p.group());
        const T scale = p.scale * T(key_scales[h / p.group()]);
        for (Index span_begin = 0; span_begin < p.kv_len(b); span_begin += span) {
          Row state;
          state.o = zero;
          const Index span_end = std::min(span_begin + span, p.kv_len(b));
          for (Index tile_begin = span_begin; tile_begin < span_end; tile_begin += tile) {
            T s[tile] = {};
            bool attended[tile] = {}, any = false;
            const T* value[tile] = {};
            for (Index j = 0; j < tile && tile_begin + j < p.kv_len(b); ++j) {
              const Index key = tile_begin + j;
              const Coord c = detail::coord(b, h, p.first_query(b) + i, key, i);
              attended[j] = detail::attends(score, c);
              any = any || attended[j];
              s[j] = Row::score(p.query(b, h, i), p.q.stride[3], kv.key(key), p.kv.key_stride(), p.head_dim(), scale);
              if (attended[j]) s[j] = detail::changed(score, s[j], c);
              value[j] = kv.value(key);
            }
            if (any) state.take(s, attended, value, p.kv.value_stride());
          }
          for (T& x : state.o) x *= T(value_scales[h / p.group()]);
          total.merge(state);
        }
        if constexpr (detail::Sinks<S>)
          total.merge(
              {static_cast<T>(score.sink(static_cast<std::int32_t>(b), static_cast<std::int32_t>(h))), T(1), zero});
        const T inverse = total.l == T(0) ? T(0) : T(1) / total.l;
        for (Index d = 0; d < p.value_dim(); ++d) {
          const T x = ieee::fma(total.o[static_cast<std::size_t>(d)], inverse, ieee::zero<T>());
          p.output(b, h, i)[d * p.out.stride[3]] = ieee::one_nan(x);
        }
        if (p.lse.wanted()) p.logsumexp(b, h, i) = detail::logsumexp(total.m, total.l);
      }
}

template <class T, class S> void solve(const detail::Problem<T>& p, const S& score) { solve_by<RowState<T>>(p, score); }

/// The same of views of floats, checked as attention() checks them.
template <class Row, class S>
void solve_views_by(const View<const float>& q, const View<const float>& k, const View<const float>& v,
                    const View<float>& out, const S& score, const Options<float>& options,
                    const detail::HeadScales& key_scales = {}, const detail::HeadScales& value_scales = {}) {
  const auto& stage = detail::staged(score);
  const Align align = detail::align_of(stage).value_or(align::bottom_right);
  solve_by<Row>(detail::validated<float, float, float>(q, k, v, out, options.lse, options.scale, align), stage,
                key_scales, value_scales);
}

// attention(): what rapt::attention() computes, by the contract. Takes the same arguments; uses neither threads nor
// vectors.
#define RAPT_REFERENCE_FRONT
#include "rapt/reference/front-inl.hpp"

}  // namespace contract
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
