// What attention looked at: its scores, its probabilities, and what can be said of them without keeping them.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "rapt/attention.hpp"
#include "rapt/observe/checks.hpp"
#include "rapt/observe/kernels.hpp"
#include "rapt/observe/observation.hpp"
#include "rapt/parallel/items.hpp"
#include "rapt/plan/rotation.hpp"
#if RAPT_COMPILED
#include "rapt/compiled/usual_observe.hpp"
#endif

RAPT_NAMESPACE_BEGIN
namespace detail {

/// What one call is asked for.
template <class T> struct Wish {
  Shown shown = Shown::nothing;
  View<T> to{};
  Observation<T> into{};

  bool needs_lse() const {
    return shown == Shown::probabilities || into.entropy.data != nullptr || into.largest_probability.data != nullptr ||
           into.top_probabilities.data != nullptr || into.mass.data != nullptr;
  }
  bool looks_at_rows() const {
    return shown != Shown::nothing || into.entropy.data != nullptr || into.largest.data != nullptr ||
           into.largest_probability.data != nullptr || top() > 0;
  }
  Index top() const {
    return into.top_keys.data != nullptr            ? into.top_keys.dim()
           : into.top_probabilities.data != nullptr ? into.top_probabilities.dim()
                                                    : 0;
  }
};

/// Everything that has to be right before anything is written, besides the shapes of queries and keys.
template <class T, class S, class Kv>
void check_wish(const Wish<T>& wish, const Problem<T, Kv>& p, const S& score, const NamedFootprint& k,
                const LogSumExp<T>& lse) {
  const Index longest = p.kv.longest();
  for (Index b = 0; b < p.batch(); ++b) check_align(p.align, p.q.length(), p.kv_len(b));
  if (wish.shown == Shown::scores && lse.wanted())
    fail("lse", "is set", "it has to be unset: scores are written before any softmax");
  check_rows_of(lse, "lse", p.q);
  check_observation(wish.into, lse, p.q, longest);
  if (wish.shown != Shown::nothing)
    check_array<T, 4>(wish.to.data, wish.to.extent, wish.to.stride, "to",
                      {p.batch(), p.q_heads(), p.q.length(), longest}, {"q", "q", "q", "the keys"});
  ObservedMemory memory = memory_of(wish.into);
  memory.write(lse.data, lse.extent, lse.stride, "lse");
  memory.write(wish.to.data, wish.to.extent, wish.to.stride, "to");
  memory.reads_from(footprint(p.q), "q");
  if (k.name != nullptr) memory.read[memory.reads++] = k;
  memory.check();
  check_stage(score, p);
  for (const NamedFootprint& answer : memory.written)  // a stage may read none of them either
    if (answer.memory.element != 0)
      check(score, ProblemShape{p.batch(), p.q_heads(), p.longest_q(), longest, {answer.memory, {}, answer.name}});
  check_forgotten(p, score);
}

/// Of what has been checked: takes its memory, and computes the rows' items, then the keys', which need the rows'
/// logsumexps.
template <class T, class S, class Kv>
void observe_checked(const Problem<T, Kv>& p, const S& score, const Wish<T>& wish, const Options<T>& options) {
  const ObserveKernel<T, Kv> kernel =
      observe_kernel<T, Kv>(options.isa ? isa_named(name(*options.isa), "options.isa") : active_isa());
  const LogSumExp<const T>& known = wish.into.known_lse;
  ObserveWork<T, Kv> work{
      {wish.into, options.lse, !known.wanted() && (wish.needs_lse() || options.lse.wanted()), wish.looks_at_rows(),
       wish.shown, wish.to, std::min(wish.top(), p.kv.longest()), p.group(),
       ceil_div(p.group() * p.q.length(), kernel.lanes), 0},
      {p, scoring_of<T>(score, kernel.isa), {options.rope, options.rope_rows}, {}, {}, nullptr, nullptr, nullptr}};
  if (options.rope != nullptr) work.call.rotation.turn_row = options.rope->turn_row(kernel.isa);
  // Only ever read: nothing is found that is known.
  if (known.wanted()) work.lse = {const_cast<T*>(known.data), known.extent, known.stride};
  const Index workers = workers_of(options.executor);
  work.range = mass_range(work.heads(), p.kv.longest(), workers);
  if (work.row_items() + work.mass_items() == 0) return;

  constexpr Index alignment = static_cast<Index>(Workspace::alignment);
  const Index kept = work.find_lse && !options.lse.wanted() ? p.batch() * p.q_heads() * p.q.length() : 0;
  const Index working = std::clamp<Index>(std::max(work.row_items(), work.mass_items()), 1, workers);
  const Index scratch = round_up(kernel.scratch_bytes(work), alignment);
  Workspace own;
  Workspace& workspace = options.workspace == nullptr ? own : *options.workspace;
  const Workspace::Use use(workspace);
  workspace.reserve(working * scratch + kept * Index(sizeof(T)));
  std::byte* const memory = workspace.data();
  if (kept > 0)
    work.lse = lse_bhs(reinterpret_cast<T*>(memory + working * scratch), p.batch(), p.q_heads(), p.q.length());

  run_items(options.executor, working, work.row_items(),
            [&](Index item, int worker) { kernel.observe_rows(work, item, memory + worker * scratch); });
  run_items(options.executor, working, work.mass_items(),
            [&](Index item, int worker) { kernel.observe_keys(work, item, memory + worker * scratch); });
}

/// The rows of a rotary table that a call names, if they fit it.
template <class T, class Kv> void check_rotation_of(const Options<T>& options, const Problem<T, Kv>& p) {
  Rotation<T> rotation{options.rope, options.rope_rows};
  check_rotation(rotation, p);
}

template <class T, class S, class Kv>
void observe_problem(const Problem<T, Kv>& p, const S& score, const Wish<T>& wish, const NamedFootprint& k,
                     const Options<T>& options) {
  check_wish(wish, p, score, k, options.lse);
  check_rotation_of(options, p);
  observe_checked(p, score, wish, options);
}

template <class T, class S, class K>
void observe_views(const View<const T>& q, const View<const K>& k, const Wish<T>& wish, const S& score,
                   const Options<T>& options) {
  check_queries_and_keys(q, k);
  observe_problem<T, S, StridedKv<K>>(
      {q, {k, k}, {}, {}, checked_scale<T>(options.scale, q.dim()), align_of(score).value_or(align::bottom_right)},
      score, wish, {"k", footprint(k)}, options);
}

/// The memory of a caller's keys. (A cache's is its own.)
template <class Kv> NamedFootprint keys_of(const Kv&) { return {}; }
template <class K, class V> NamedFootprint keys_of(const PagedRowsKv<K, V>& kv) { return {"k_pages", footprint(kv.k)}; }

template <class T, class S, class K, class Kv>
void observe_cache(const View<const T>& q, const CacheView<K, Kv>& cache, const Wish<T>& wish, const S& score,
                   const Options<T>& options) {
  check_kv(cache.kv);
  check_queries_and_cache(q, cache.kv);
  observe_problem<T, S, Kv>(
      {q, cache.kv, {}, {}, checked_scale<T>(options.scale, q.dim()), align_of(score).value_or(align::bottom_right)},
      score, wish, keys_of(cache.kv), options);
}

}  // namespace detail

/// The scores of attention, as they are after the scale and the given stages: to(b, h, i, j) is that of query i of head
/// h and key j, −∞ where a mask says no. To see them at any point of a composition, pass the stages up to there.
///
///   q  [batch, q_heads, q_len, head_dim]    k   [batch, kv_heads, kv_len, head_dim]
///                                           to  [batch, q_heads, q_len, kv_len]
///
/// For looking at, and for small sizes: `to` has q_len times kv_len numbers a head. observe() says what is in them in
/// memory linear in the length. The bits are those that attention's softmax is given.
///
/// Throws std::invalid_argument, before anything is written, for a shape, pointer or option that can't be right: also
/// for Options::lse, which has no meaning here. Throws what attention() throws.
template <class Q, class K, class T, class S = Plain>
void scores(const View<Q>& q, const View<K>& k, const View<T>& to, const S& stages = {},
            const Options<detail::element_t<Q>>& options = {}) {
  if constexpr (detail::Types<Q, K, K, T, S>::fit)
    detail::observe_views<T>(View<const T>(q), View<const K>(k), {detail::Shown::scores, to, {}},
                             detail::staged(stages), options);
}
template <class Q, class K, class T>
void scores(const View<Q>& q, const View<K>& k, const View<T>& to, const Options<detail::element_t<Q>>& options) {
  scores(q, k, to, Plain{}, options);
}

/// The same of the keys in a cache or in some of its sequences, or in pages: kv_len of `to` is the
/// longest sequence's, and the places after the end of a shorter one hold −∞.
template <class Q, class K, class Kv, class T, class S = Plain>
void scores(const View<Q>& q, const CacheView<K, Kv>& cache, const View<T>& to, const S& stages = {},
            const Options<detail::arithmetic_t<K>>& options = {}) {
  if constexpr (detail::ObservedTypes<Q, K, T, S>::fit)
    detail::observe_cache<T>(View<const T>(q), cache, {detail::Shown::scores, to, {}}, detail::staged(stages), options);
}
template <class Q, class K, class Home, class T, class S = Plain>
void scores(const View<Q>& q, const detail::Cache<K, Home>& cache, const View<T>& to, const S& stages = {},
            const Options<detail::arithmetic_t<K>>& options = {}) {
  scores(q, cache.view(), to, stages, options);
}
template <class Q, class K, class Kv, class T>
void scores(const View<Q>& q, const CacheView<K, Kv>& cache, const View<T>& to,
            const Options<detail::arithmetic_t<K>>& options) {
  scores(q, cache, to, Plain{}, options);
}
template <class Q, class K, class Home, class T>
void scores(const View<Q>& q, const detail::Cache<K, Home>& cache, const View<T>& to,
            const Options<detail::arithmetic_t<K>>& options) {
  scores(q, cache.view(), to, Plain{}, options);
}

/// The weights of attention's softmax, exp(score − logsumexp): to(b, h, i, j) is what key j's value is multiplied with
/// in row i, 0 where a mask says no. A row's add up to 1; to less with a sink, which takes its share; to 0 without a
/// key. Shapes as of scores(). Options::lse receives the logsumexps, with the bits that attention() gives them.
///
/// Throws what scores() throws.
template <class Q, class K, class T, class S = Plain>
void probabilities(const View<Q>& q, const View<K>& k, const View<T>& to, const S& stages = {},
                   const Options<detail::element_t<Q>>& options = {}) {
  if constexpr (detail::Types<Q, K, K, T, S>::fit)
    detail::observe_views<T>(View<const T>(q), View<const K>(k), {detail::Shown::probabilities, to, {}},
                             detail::staged(stages), options);
}
template <class Q, class K, class T>
void probabilities(const View<Q>& q, const View<K>& k, const View<T>& to,
                   const Options<detail::element_t<Q>>& options) {
  probabilities(q, k, to, Plain{}, options);
}

/// The same of the keys in a cache; the places after the end of a shorter sequence hold 0.
template <class Q, class K, class Kv, class T, class S = Plain>
void probabilities(const View<Q>& q, const CacheView<K, Kv>& cache, const View<T>& to, const S& stages = {},
                   const Options<detail::arithmetic_t<K>>& options = {}) {
  if constexpr (detail::ObservedTypes<Q, K, T, S>::fit)
    detail::observe_cache<T>(View<const T>(q), cache, {detail::Shown::probabilities, to, {}}, detail::staged(stages),
                             options);
}
template <class Q, class K, class Home, class T, class S = Plain>
void probabilities(const View<Q>& q, const detail::Cache<K, Home>& cache, const View<T>& to, const S& stages = {},
                   const Options<detail::arithmetic_t<K>>& options = {}) {
  probabilities(q, cache.view(), to, stages, options);
}
template <class Q, class K, class Kv, class T>
void probabilities(const View<Q>& q, const CacheView<K, Kv>& cache, const View<T>& to,
                   const Options<detail::arithmetic_t<K>>& options) {
  probabilities(q, cache, to, Plain{}, options);
}
template <class Q, class K, class Home, class T>
void probabilities(const View<Q>& q, const detail::Cache<K, Home>& cache, const View<T>& to,
                   const Options<detail::arithmetic_t<K>>& options) {
  probabilities(q, cache.view(), to, Plain{}, options);
}

/// What attention with the same arguments looks at, of each row: its entropy, its largest score, its top keys; and of
/// each key the probability that it received. In memory linear in the length: scores are computed again, tile by tile,
/// and tiles that a mask skips are never read.
///
///     rapt::attention(q, k, v, out, rapt::causal(), {.lse = lse});
///     rapt::observe(q, k, {.entropy = entropy, .mass = mass, .known_lse = lse}, rapt::causal());
///
/// It goes through the keys once for the logsumexps, unless they are known or not needed, once for what rows are asked
/// for, and once for the mass: each costs somewhat more than half of attention. A NaN among the attended scores of a
/// row makes its entropy, its largest score and all its p NaN, and so the mass of every key it attends to; among its
/// top keys NaN counts as ∞, so that it shows where it comes from. Options::lse receives the logsumexps.
///
/// Throws what scores() throws.
template <class Q, class K, class S = Plain>
void observe(const View<Q>& q, const View<K>& k, const Observation<detail::element_t<Q>>& into, const S& stages = {},
             const Options<detail::element_t<Q>>& options = {}) {
  using T = detail::element_t<Q>;
  if constexpr (detail::Types<Q, K, K, T, S>::fit)
    detail::observe_views<T>(View<const T>(q), View<const K>(k), {detail::Shown::nothing, {}, into},
                             detail::staged(stages), options);
}
template <class Q, class K>
void observe(const View<Q>& q, const View<K>& k, const Observation<detail::element_t<Q>>& into,
             const Options<detail::element_t<Q>>& options) {
  observe(q, k, into, Plain{}, options);
}

/// The same of the keys in a cache: `mass` is as long as the longest sequence, and 0 after the end of a shorter one.
template <class Q, class K, class Kv, class S = Plain>
void observe(const View<Q>& q, const CacheView<K, Kv>& cache, const Observation<detail::arithmetic_t<K>>& into,
             const S& stages = {}, const Options<detail::arithmetic_t<K>>& options = {}) {
  using T = detail::arithmetic_t<K>;
  if constexpr (detail::ObservedTypes<Q, K, T, S>::fit)
    detail::observe_cache<T>(View<const T>(q), cache, {detail::Shown::nothing, {}, into}, detail::staged(stages),
                             options);
}
template <class Q, class K, class Home, class S = Plain>
void observe(const View<Q>& q, const detail::Cache<K, Home>& cache, const Observation<detail::arithmetic_t<K>>& into,
             const S& stages = {}, const Options<detail::arithmetic_t<K>>& options = {}) {
  observe(q, cache.view(), into, stages, options);
}
template <class Q, class K, class Kv>
void observe(const View<Q>& q, const CacheView<K, Kv>& cache, const Observation<detail::arithmetic_t<K>>& into,
             const Options<detail::arithmetic_t<K>>& options) {
  observe(q, cache, into, Plain{}, options);
}
template <class Q, class K, class Home>
void observe(const View<Q>& q, const detail::Cache<K, Home>& cache, const Observation<detail::arithmetic_t<K>>& into,
             const Options<detail::arithmetic_t<K>>& options) {
  observe(q, cache.view(), into, Plain{}, options);
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
