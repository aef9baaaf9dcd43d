// The front door of ragged batches: sequences of different lengths, packed or padded, in one call.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/attention.hpp"
#include "rapt/core/ragged.hpp"
#include "rapt/core/ragged_problem.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// validated_ragged(), for queries that attend to a cache.
template <class T, class Kv, class Q, class O, class S>
Problem<T, Kv> validated_ragged_cached(const Ragged<Q>& q, const Kv& kv, const Ragged<O>& out, const S& score,
                                       const Options<T>& options) {
  check_kv(kv);
  check_view(q.view, "q", "head_dim");
  check_view(out.view, "out", "value_dim");
  check_sequences(q, "q");
  check_sequences(out, "out");
  check_same("q", "the number of sequences", q.count(), kv.batch(), "the cache");
  check_same_sequences(out, "out", q, "q");
  check_cached_dims(q.view, kv, out.view);
  check_ragged_lse(options.lse, out.view);
  const Problem<T, Kv> whole{q.view,
                             kv,
                             out.view,
                             options.lse,
                             checked_scale<T>(options.scale, q.view.dim()),
                             align_of(score).value_or(align::bottom_right)};
  check_kv_apart(whole);
  const Problem<T, Kv> problem = of_sequences(whole, q, out);
  check_forgotten(problem, score);
  return problem;
}

/// As planned(), of ragged batches.
template <class Q, class K, class V, class O, class S>
auto planned_ragged(const Q& q, const K& k, const V& v, const O& out, const S& score,
                    const Options<element_t<batch_element_t<Q>>>& options) {
  using T = element_t<batch_element_t<Q>>;
  using Key = std::remove_const_t<batch_element_t<K>>;
  using Value = std::remove_const_t<batch_element_t<V>>;
  const staged_t<S> stage = staged(score);
  const Align align = align_of(stage).value_or(align::bottom_right);
  Problem<T, StridedKv<Key, Value>> problem = validated_ragged<T, Key, Value>(
      as_ragged(q), as_ragged(k), as_ragged(v), as_ragged(out), options.lse, options.scale, align);
  problem.access = row_access<T, std::remove_const_t<batch_element_t<Q>>, batch_element_t<O>>();
  return Plan<T, staged_t<S>, StridedKv<Key, Value>>(problem, stage, options, OfSequences{},
                                                     kernel_for<batch_element_t<Q>, T, StridedKv<Key, Value>>(options));
}
template <class Q, class K, class Kv, class O, class S>
auto planned_ragged(const Q& q, const CacheView<K, Kv>& cache, const O& out, const S& score,
                    const Options<arithmetic_t<K>>& options) {
  using T = arithmetic_t<K>;
  const staged_t<S> stage = staged(score);
  Problem<T, Kv> problem = validated_ragged_cached<T>(as_ragged(q), cache.kv, as_ragged(out), stage, options);
  problem.access = row_access<T, std::remove_const_t<batch_element_t<Q>>, batch_element_t<O>>();
  return Plan<T, staged_t<S>, Kv>(problem, stage, options, OfSequences{},
                                  kernel_for<batch_element_t<Q>, T, Kv>(options));
}

}  // namespace detail

/// What attention(q, k, v, out, score, options) would run for a ragged batch, and how. Holds views, not copies: the
/// memory has to stay, and so have the numbers that say where the sequences stand: run() throws std::logic_error once
/// those have changed.
template <class Q, class K, class V, class O, class S = Plain>
  requires detail::RaggedBatch<Q, K, V, O>
auto plan(const Q& q, const K& k, const V& v, const O& out, const S& score = {},
          const Options<detail::element_t<detail::batch_element_t<Q>>>& options = {}) {
  if constexpr (detail::Types<detail::batch_element_t<Q>, detail::batch_element_t<K>, detail::batch_element_t<V>,
                              detail::batch_element_t<O>, S>::fit)
    return detail::Watching::watched(detail::planned_ragged(q, k, v, out, score, options));
}
template <class Q, class K, class V, class O>
  requires detail::RaggedBatch<Q, K, V, O>
auto plan(const Q& q, const K& k, const V& v, const O& out,
          const Options<detail::element_t<detail::batch_element_t<Q>>>& options) {
  return plan(q, k, v, out, Plain{}, options);
}

/// Attention of a ragged batch: of each sequence as if it were alone, in one call whose work is dealt out by the actual
/// lengths.
///
///     rapt::attention(rapt::packed(q, offsets), rapt::packed(k, k_offsets), rapt::packed(v, k_offsets),
///                     rapt::packed(out, offsets), rapt::causal());      // views of batch 1: [1, heads, all, dim]
///     rapt::attention(q, rapt::padded(k, lengths), rapt::padded(v, lengths), out);     // [batch, heads, longest, dim]
///
/// Each argument is packed(), padded(), padded_left(), or a view whose entries are all as long as it is; there are as
/// many sequences in each, as long in out as in q, and in v as in k. A sequence may have no query or no key.
///
/// Each has an alignment of its own: by default its last query stands at its last key. Stages see the sequence as
/// Coord::batch, and positions and rows within it; so does a rotary table. Options::lse and Options::rope_rows have the
/// place of each query in the whole view of out, and of q.
///
/// What stands in the padding is neither read nor computed; and nothing is written there: out and the logsumexp keep
/// what they have in the rows of queries that aren't there.
///
/// Throws what attention() of views throws.
template <class Q, class K, class V, class O, class S = Plain>
  requires detail::RaggedBatch<Q, K, V, O>
void attention(const Q& q, const K& k, const V& v, const O& out, const S& score = {},
               const Options<detail::element_t<detail::batch_element_t<Q>>>& options = {}) {
  if constexpr (detail::Types<detail::batch_element_t<Q>, detail::batch_element_t<K>, detail::batch_element_t<V>,
                              detail::batch_element_t<O>, S>::fit)
    detail::planned_ragged(q, k, v, out, score, options).run();
}
template <class Q, class K, class V, class O>
  requires detail::RaggedBatch<Q, K, V, O>
void attention(const Q& q, const K& k, const V& v, const O& out,
               const Options<detail::element_t<detail::batch_element_t<Q>>>& options) {
  attention(q, k, v, out, Plain{}, options);
}

/// The same, to a cache: as many sequences in q and out as in the cache, or its view, each with as many queries as it
/// has. A prompt of a thousand tokens, a chunk of a hundred and a token of each sequence that decodes are one call:
///
///     cache.append(rapt::packed(k, offsets), rapt::packed(v, offsets));
///     rapt::attention(rapt::packed(q, offsets), cache, rapt::packed(out, offsets), rapt::causal());
template <class Q, class K, class Kv, class O, class S = Plain>
  requires detail::RaggedBatch<Q, O>
auto plan(const Q& q, const CacheView<K, Kv>& cache, const O& out, const S& score = {},
          const Options<detail::arithmetic_t<K>>& options = {}) {
  if constexpr (detail::CachedTypes<detail::batch_element_t<Q>, K, detail::batch_element_t<O>, S>::fit)
    return detail::Watching::watched(detail::planned_ragged(q, cache, out, score, options));
}
template <class Q, class K, class Home, class O, class S = Plain>
  requires detail::RaggedBatch<Q, O>
auto plan(const Q& q, const detail::Cache<K, Home>& cache, const O& out, const S& score = {},
          const Options<detail::arithmetic_t<K>>& options = {}) {
  return plan(q, cache.view(), out, score, options);
}
template <class Q, class K, class Kv, class O, class S = Plain>
  requires detail::RaggedBatch<Q, O>
void attention(const Q& q, const CacheView<K, Kv>& cache, const O& out, const S& score = {},
               const Options<detail::arithmetic_t<K>>& options = {}) {
  if constexpr (detail::CachedTypes<detail::batch_element_t<Q>, K, detail::batch_element_t<O>, S>::fit)
    detail::planned_ragged(q, cache, out, score, options).run();
}
template <class Q, class K, class Home, class O, class S = Plain>
  requires detail::RaggedBatch<Q, O>
void attention(const Q& q, const detail::Cache<K, Home>& cache, const O& out, const S& score = {},
               const Options<detail::arithmetic_t<K>>& options = {}) {
  attention(q, cache.view(), out, score, options);
}

/// The same without a mask: attention(packed(q, offsets), cache, packed(out, offsets), {.scale = 0.125}).
template <class Q, class K, class Kv, class O>
  requires detail::RaggedBatch<Q, O>
auto plan(const Q& q, const CacheView<K, Kv>& cache, const O& out, const Options<detail::arithmetic_t<K>>& options) {
  return plan(q, cache, out, Plain{}, options);
}
template <class Q, class K, class Home, class O>
  requires detail::RaggedBatch<Q, O>
auto plan(const Q& q, const detail::Cache<K, Home>& cache, const O& out,
          const Options<detail::arithmetic_t<K>>& options) {
  return plan(q, cache.view(), out, Plain{}, options);
}
template <class Q, class K, class Kv, class O>
  requires detail::RaggedBatch<Q, O>
void attention(const Q& q, const CacheView<K, Kv>& cache, const O& out,
               const Options<detail::arithmetic_t<K>>& options) {
  attention(q, cache, out, Plain{}, options);
}
template <class Q, class K, class Home, class O>
  requires detail::RaggedBatch<Q, O>
void attention(const Q& q, const detail::Cache<K, Home>& cache, const O& out,
               const Options<detail::arithmetic_t<K>>& options) {
  attention(q, cache.view(), out, Plain{}, options);
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
