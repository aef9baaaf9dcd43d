// What attention looked at, once more and slowly: by the arithmetic contract, transcribed, and as one would write it
// down.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "rapt/core/ieee.hpp"
#include "rapt/observe/observation.hpp"
#include "rapt/reference/contract.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// One row: its scores, which of them are attended, and the weights that the softmax gives them.
template <class T> struct ObservedRow {
  Index b, h, i;
  std::vector<T> score, weight, log_weight;
  std::vector<bool> attended;
  T lse;
};

template <class T> Problem<T> observed_problem(View<const T> q, View<const T> k, const Options<T>& o, Align align) {
  check_view(q, "q", "head_dim");
  check_view(k, "k", "head_dim");
  check_groups(q.heads(), k.heads());
  return {q, {k, k}, {}, {}, checked_scale<T>(o.scale, q.dim()), align};
}

/// Calls f(row) for each row, once weigh(row, sink) has found its weights; the sink is −∞ if there is none. A score is
/// a chain of fused multiply-adds.
template <class T, class S, class Weigh, class F>
void each_observed_row(const Problem<T>& p, const S& score, Weigh weigh, F f) {
  check_stage(score, p);
  const std::size_t keys = static_cast<std::size_t>(p.kv.longest());
  for (Index b = 0; b < p.batch(); ++b)
    for (Index h = 0; h < p.q_heads(); ++h)
      for (Index i = 0; i < p.q_len(b); ++i) {
        ObservedRow<T> row{b, h, i, std::vector<T>(keys), std::vector<T>(keys), std::vector<T>(keys), {}, T(0)};
        row.attended.resize(keys);
        for (Index j = 0; j < p.kv_len(b); ++j) {
          const Coord c = coord(b, h, p.first_query(b) + i, j, i);
          const std::size_t at = static_cast<std::size_t>(j);
          row.attended[at] = attends(score, c);
          if (!row.attended[at]) continue;
          const T *const query = p.query(b, h, i), *const key = p.kv.head(b, h / p.group()).key(j);
          for (Index d = 0; d < p.head_dim(); ++d)
            row.score[at] = ieee::fma(p.scale * query[d * p.q.stride[3]], key[d * p.kv.key_stride()], row.score[at]);
          row.score[at] = changed(score, row.score[at], c);
        }
        T sink = -std::numeric_limits<T>::infinity();
        if constexpr (Sinks<S>)
          sink = static_cast<T>(score.sink(static_cast<std::int32_t>(b), static_cast<std::int32_t>(h)));
        weigh(row, sink);
        f(row);
      }
}

/// What a score is ordered by: NaN counts as ∞, and −∞ as the lowest number.
template <class T> T rank_of(T score) {
  return score != score ? std::numeric_limits<T>::infinity() : std::max(score, std::numeric_limits<T>::lowest());
}

/// The attended keys, the largest scores first, and of equal ones the earlier key.
template <class T> std::vector<Index> ranked(const ObservedRow<T>& row) {
  std::vector<Index> keys;
  for (std::size_t j = 0; j < row.score.size(); ++j) {
    if (!row.attended[j]) continue;
    std::size_t place = keys.size();
    while (place > 0 && rank_of(row.score[j]) > rank_of(row.score[static_cast<std::size_t>(keys[place - 1])])) --place;
    keys.insert(keys.begin() + static_cast<std::ptrdiff_t>(place), static_cast<Index>(j));
  }
  return keys;
}

/// What a row is asked for, from its scores and weights.
template <class T> void note_row(const ObservedRow<T>& row, const Observation<T>& into) {
  const Index b = row.b, h = row.h, i = row.i;
  T entropy = 0, largest = -std::numeric_limits<T>::infinity(), largest_weight = 0;
  for (std::size_t j = 0; j < row.score.size(); ++j) {
    if (!row.attended[j]) continue;
    if (row.weight[j] != T(0)) entropy = ieee::fma(row.weight[j], T(0) - row.log_weight[j], entropy);
    if (row.score[j] <= largest || largest != largest) continue;
    largest = row.score[j];
    largest_weight = row.weight[j];
  }
  const std::vector<Index> keys = ranked(row);
  const auto weight = [&](std::size_t place) {
    return ieee::one_nan(row.weight[static_cast<std::size_t>(keys[place])]);
  };
  if (into.entropy.data != nullptr) into.entropy(b, h, i) = ieee::one_nan(entropy);
  if (into.largest.data != nullptr) into.largest(b, h, i) = ieee::one_nan(largest);
  if (into.largest_probability.data != nullptr) into.largest_probability(b, h, i) = ieee::one_nan(largest_weight);
  for (Index place = 0; into.top_keys.data != nullptr && place < into.top_keys.dim(); ++place) {
    const std::size_t at = static_cast<std::size_t>(place);
    into.top_keys(b, h, i, place) = at < keys.size() ? static_cast<std::int32_t>(keys[at]) : -1;
  }
  for (Index place = 0; into.top_probabilities.data != nullptr && place < into.top_probabilities.dim(); ++place) {
    const std::size_t at = static_cast<std::size_t>(place);
    into.top_probabilities(b, h, i, place) = at < keys.size() ? weight(at) : T(0);
  }
}

template <class T, class S, class Weigh>
void observe_by(const Problem<T>& p, const S& score, const Observation<T>& into, Weigh weigh) {
  const Cube<T>& mass = into.mass;
  for (Index b = 0; mass.data != nullptr && b < mass.batch(); ++b)
    for (Index h = 0; h < mass.heads(); ++h)
      for (Index j = 0; j < mass.length(); ++j) mass(b, h, j) = T(0);
  each_observed_row(p, score, weigh, [&](const ObservedRow<T>& row) {
    note_row(row, into);
    for (std::size_t j = 0; mass.data != nullptr && j < row.weight.size(); ++j) {
      T& sum = mass(row.b, row.h, static_cast<Index>(j));
      sum = ieee::one_nan(sum + row.weight[j]);  // 0 of a key that isn't attended
    }
  });
}

template <class T> void show_scores(const ObservedRow<T>& row, const View<T>& to) {
  for (std::size_t j = 0; j < row.score.size(); ++j)
    to(row.b, row.h, row.i, static_cast<Index>(j)) =
        row.attended[j] ? ieee::one_nan(row.score[j]) : -std::numeric_limits<T>::infinity();
}
template <class T> void show_weights(const ObservedRow<T>& row, const View<T>& to) {
  for (std::size_t j = 0; j < row.weight.size(); ++j)
    to(row.b, row.h, row.i, static_cast<Index>(j)) = ieee::one_nan(row.weight[j]);
}

}  // namespace detail

namespace contract {

/// A row's logsumexp, as attention has it; then p = exp(y), y = score − logsumexp, but no more than 0.
template <class T> void weigh_row(detail::ObservedRow<T>& row, T sink) {
  RowState<T> total;
  const Index keys = static_cast<Index>(row.score.size());
  for (Index span_begin = 0; span_begin < keys; span_begin += span) {
    RowState<T> state;
    for (Index begin = span_begin; begin < std::min(span_begin + span, keys); begin += tile) {
      T s[tile] = {};
      bool attended[tile] = {}, any = false;
      const T* const value[tile] = {};
      for (Index j = 0; j < tile && begin + j < keys; ++j) {
        s[j] = row.score[static_cast<std::size_t>(begin + j)];
        attended[j] = row.attended[static_cast<std::size_t>(begin + j)];
        any = any || attended[j];
      }
      if (any) state.take(s, attended, value, 0);
    }
    total.merge(state);
  }
  if (sink > -std::numeric_limits<T>::infinity()) total.merge({sink, T(1), {}});
  row.lse = detail::logsumexp(total.m, total.l);
  for (std::size_t j = 0; j < row.score.size(); ++j) {
    if (!row.attended[j] || row.lse == -std::numeric_limits<T>::infinity()) continue;
    const T y = row.score[j] - row.lse;
    row.log_weight[j] = y > T(0) ? T(0) : y;
    row.weight[j] = exp(row.log_weight[j]);
  }
}

/// What scores(), probabilities() and observe() compute, by the contract. Take the same arguments, and of the options
/// the scale and the logsumexp; use neither threads nor vectors.
template <class T, class S = Plain>
void scores(const View<const T>& q, const View<const T>& k, const View<T>& to, const S& stages = {},
            const Options<T>& options = {}) {
  const Align align = detail::align_of(stages).value_or(align::bottom_right);
  detail::each_observed_row(
      detail::observed_problem<T>(q, k, options, align), stages, [](auto&, T) {},
      [&](const detail::ObservedRow<T>& row) { detail::show_scores(row, to); });
}
template <class T, class S = Plain>
void probabilities(const View<const T>& q, const View<const T>& k, const View<T>& to, const S& stages = {},
                   const Options<T>& options = {}) {
  const Align align = detail::align_of(stages).value_or(align::bottom_right);
  detail::each_observed_row(detail::observed_problem<T>(q, k, options, align), stages, weigh_row<T>,
                            [&](const detail::ObservedRow<T>& row) {
                              detail::show_weights(row, to);
                              if (options.lse.wanted()) options.lse(row.b, row.h, row.i) = row.lse;
                            });
}
template <class T, class S = Plain>
void observe(const View<const T>& q, const View<const T>& k, const Observation<T>& into, const S& stages = {},
             const Options<T>& options = {}) {
  const Align align = detail::align_of(stages).value_or(align::bottom_right);
  detail::observe_by(detail::observed_problem<T>(q, k, options, align), stages, into, weigh_row<T>);
}

}  // namespace contract

namespace reference {

/// The textbook's softmax of a whole row, with the C library's functions.
template <class T> void weigh_row(detail::ObservedRow<T>& row, T sink) {
  T largest = std::max(std::numeric_limits<T>::lowest(), sink);
  for (std::size_t j = 0; j < row.score.size(); ++j)
    if (row.attended[j]) largest = std::max(largest, row.score[j]);
  T sum = std::exp(sink - largest);
  for (std::size_t j = 0; j < row.score.size(); ++j)
    if (row.attended[j]) sum += std::exp(row.score[j] - largest);
  row.lse = sum == T(0) ? -std::numeric_limits<T>::infinity() : largest + std::log(sum);
  for (std::size_t j = 0; j < row.score.size(); ++j) {
    if (!row.attended[j] || sum == T(0)) continue;
    row.weight[j] = std::exp(row.score[j] - largest) / sum;
    row.log_weight[j] = (row.score[j] - largest) - std::log(sum);
  }
}

/// What probabilities() and observe() compute, as one would write it down. Take the same arguments, and of the options
/// the scale.
template <class T, class S = Plain>
void probabilities(const View<const T>& q, const View<const T>& k, const View<T>& to, const S& stages = {},
                   const Options<T>& options = {}) {
  const Align align = detail::align_of(stages).value_or(align::bottom_right);
  detail::each_observed_row(detail::observed_problem<T>(q, k, options, align), stages, weigh_row<T>,
                            [&](const detail::ObservedRow<T>& row) { detail::show_weights(row, to); });
}
template <class T, class S = Plain>
void observe(const View<const T>& q, const View<const T>& k, const Observation<T>& into, const S& stages = {},
             const Options<T>& options = {}) {
  const Align align = detail::align_of(stages).value_or(align::bottom_right);
  detail::observe_by(detail::observed_problem<T>(q, k, options, align), stages, into, weigh_row<T>);
}

}  // namespace reference
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
