// What attention to a ragged batch looked at.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "rapt/observe/observe.hpp"
#include "rapt/ragged.hpp"
#include "rapt/state/part_of_score.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// A number for each position of one sequence, out of those of the whole view.
template <class T> Cube<T> of_sequence(const Cube<T>& x, const Placement& at, Index b, Index positions) {
  if (x.data == nullptr) return x;
  const Index entry = at.is_packed() ? 0 : b;
  return {&x(entry, 0, at.begin(b)), {1, x.heads(), at.length(b, positions)}, x.stride};
}
template <class U> View<U> of_sequence(const View<U>& x, const Placement& at, Index b, Index positions) {
  if (x.data == nullptr) return x;
  return {x.row(at.is_packed() ? 0 : b, 0, at.begin(b)), {1, x.heads(), at.length(b, positions), x.dim()}, x.stride};
}

/// Where the answers about one sequence go: its rows stand as its queries do, and the mass of its keys as its keys do.
template <class T>
Observation<T> of_sequence(const Observation<T>& o, const Ragged<const T>& q, const Placement& keys, Index kv_len,
                           Index b) {
  const auto rows = [&](const auto& x) { return of_sequence(x, q.placement, b, q.view.length()); };
  return {rows(o.entropy),  rows(o.largest),           rows(o.largest_probability),
          rows(o.top_keys), rows(o.top_probabilities), of_sequence(o.mass, keys, b, kv_len),
          rows(o.known_lse)};
}

/// Options of one sequence.
template <class T> Options<T> of_sequence(Options<T> o, const Ragged<const T>& q, Index b) {
  o.lse = of_sequence(o.lse, q.placement, b, q.view.length());
  if (o.rope_rows.given())
    o.rope_rows = o.rope_rows.rows_of(q.placement.is_packed() ? 0 : b, q.placement.begin(b), q.length(b));
  return o;
}

/// Every sequence by itself, once all that is asked for is known to be right. `problem_of(b)` is its problem;
/// `key_places` says where the mass of its keys goes, in so many places of each of so many entries.
template <class T, class S, class ProblemOf>
void observe_sequences(const Ragged<const T>& q, const Observation<T>& into, const S& score, const Options<T>& options,
                       const Placement& key_places, Index entries, Index places, const NamedFootprint& k,
                       const ProblemOf& problem_of) {
  Observation<T> rows = into;
  rows.mass = {};
  check_rows_of(options.lse, "lse", q.view);
  check_observation(rows, options.lse, q.view, 0);
  if (into.mass.data != nullptr)
    check_array<T, 3>(into.mass.data, into.mass.extent, into.mass.stride, "mass", {entries, q.view.heads(), places},
                      {"the keys", "q", "the keys"});
  ObservedMemory memory = memory_of(into);
  memory.write(options.lse.data, options.lse.extent, options.lse.stride, "lse");
  memory.reads_from(footprint(q.view), "q");
  if (k.name != nullptr) memory.read[memory.reads++] = k;
  memory.check();
  Index longest_q = 0, longest_k = 0;
  for (Index b = 0; b < q.count(); ++b) {
    const auto p = problem_of(b);
    check_align(p.align, p.q.length(), p.kv_len(0));
    check_rotation_of(of_sequence(options, q, b), p);
    check_forgotten(p, part_of(score, OneSequence{static_cast<std::int32_t>(b)}));
    longest_q = std::max(longest_q, p.q.length());
    longest_k = std::max(longest_k, p.kv_len(0));
  }
  for (const NamedFootprint& answer : memory.written)
    check(score, ProblemShape{q.count(), q.view.heads(), longest_q, longest_k, {answer.memory, {}, answer.name}});
  for (Index b = 0; b < q.count(); ++b)
    observe_checked(problem_of(b), part_of(score, OneSequence{static_cast<std::int32_t>(b)}),
                    Wish<T>{Shown::nothing, {}, of_sequence(into, q, key_places, places, b)},
                    of_sequence(options, q, b));
}

}  // namespace detail

/// observe() of a ragged batch: of each sequence as if it were alone. What is asked of rows has the places of q's whole
/// view, as Options::lse has, and `mass` those of k's: nothing is written for queries and keys that aren't there.
/// Stages see the sequence as Coord::batch.
///
///     rapt::observe(rapt::packed(q, offsets), rapt::packed(k, offsets), {.entropy = entropy, .mass = mass},
///                   rapt::causal());
template <class Q, class K, class S = Plain>
  requires detail::RaggedBatch<Q, K>
void observe(const Q& q, const K& k, const Observation<detail::element_t<detail::batch_element_t<Q>>>& into,
             const S& stages = {}, const Options<detail::element_t<detail::batch_element_t<Q>>>& options = {}) {
  using T = detail::element_t<detail::batch_element_t<Q>>;
  using Key = std::remove_const_t<detail::batch_element_t<K>>;
  if constexpr (detail::Types<detail::batch_element_t<Q>, Key, Key, T, S>::fit) {
    const Ragged<const T> queries = detail::as_ragged(q);
    const Ragged<const Key> keys = detail::as_ragged(k);
    detail::check_view(queries.view, "q", "head_dim");
    detail::check_view(keys.view, "k", "head_dim");
    detail::check_sequences(queries, "q");
    detail::check_sequences(keys, "k");
    detail::check_same("k", "the number of sequences", keys.count(), queries.count(), "q");
    detail::check_same("k", "head_dim", keys.view.dim(), queries.view.dim(), "q");
    detail::check_groups(queries.view.heads(), keys.view.heads());
    const auto stage = detail::staged(stages);
    const Align align = detail::align_of(stage).value_or(align::bottom_right);
    const T scale = detail::checked_scale<T>(options.scale, queries.view.dim());
    detail::observe_sequences<T>(
        queries, into, stage, options, keys.placement, keys.view.batch(), keys.view.length(),
        {"k", detail::footprint(keys.view)}, [&](Index b) {
          const View<const Key> one = keys.sequence(b);
          return detail::Problem<T, detail::StridedKv<Key>>{queries.sequence(b), {one, one}, {}, {}, scale, align};
        });
  }
}

/// The same of the keys in a cache: `mass` is [sequences, q_heads, kv_len], kv_len the longest.
template <class Q, class K, class Kv, class S = Plain>
void observe(const Ragged<Q>& q, const CacheView<K, Kv>& cache, const Observation<detail::arithmetic_t<K>>& into,
             const S& stages = {}, const Options<detail::arithmetic_t<K>>& options = {}) {
  using T = detail::arithmetic_t<K>;
  if constexpr (detail::ObservedTypes<Q, K, T, S>::fit) {
    const Ragged<const T> queries = q;
    detail::check_kv(cache.kv);
    detail::check_view(queries.view, "q", "head_dim");
    detail::check_sequences(queries, "q");
    detail::check_same("q", "the number of sequences", queries.count(), cache.kv.batch(), "the cache");
    detail::check_same("q", "head_dim", queries.view.dim(), cache.kv.head_dim(), "the cache");
    detail::check_groups(queries.view.heads(), cache.kv.heads());
    const auto stage = detail::staged(stages);
    const Align align = detail::align_of(stage).value_or(align::bottom_right);
    const T scale = detail::checked_scale<T>(options.scale, queries.view.dim());
    std::vector<Index> sequences, lengths;
    for (Index b = 0; b < cache.kv.batch(); ++b) {
      sequences.push_back(cache.kv.sequence(b));
      lengths.push_back(cache.kv.length(b));
    }
    detail::observe_sequences<T>(queries, into, stage, options,
                                 {detail::Placement::Kind::padded, detail::Integers(lengths)}, cache.kv.batch(),
                                 cache.kv.longest(), detail::keys_of(cache.kv), [&](Index b) {
                                   Kv one = cache.kv;
                                   one.choose({&sequences[static_cast<std::size_t>(b)], 1, 1});
                                   return detail::Problem<T, Kv>{queries.sequence(b), one, {}, {}, scale, align};
                                 });
  }
}
template <class Q, class K, class Home, class S = Plain>
void observe(const Ragged<Q>& q, const detail::Cache<K, Home>& cache, const Observation<detail::arithmetic_t<K>>& into,
             const S& stages = {}, const Options<detail::arithmetic_t<K>>& options = {}) {
  observe(q, cache.view(), into, stages, options);
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
