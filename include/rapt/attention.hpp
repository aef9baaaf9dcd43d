// The front door: attention() and plan().
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "rapt/core/problem.hpp"
#include "rapt/kv/cache.hpp"
#include "rapt/kv/paged.hpp"
#include "rapt/plan/options.hpp"
#include "rapt/plan/plan.hpp"
#include "rapt/score/alibi.hpp"
#include "rapt/score/ancestors.hpp"
#include "rapt/score/band.hpp"
#include "rapt/score/bias.hpp"
#include "rapt/score/bit_mask.hpp"
#include "rapt/score/block_sparse.hpp"
#include "rapt/score/chunk_local.hpp"
#include "rapt/score/compose.hpp"
#include "rapt/score/dense_mask.hpp"
#include "rapt/score/dilated.hpp"
#include "rapt/score/document.hpp"
#include "rapt/score/logic.hpp"
#include "rapt/score/padding.hpp"
#include "rapt/score/prefix_lm.hpp"
#include "rapt/score/relative_bias.hpp"
#include "rapt/score/scale_by_head.hpp"
#include "rapt/score/sinks.hpp"
#include "rapt/score/softcap.hpp"
#include "rapt/score/stage.hpp"
#include "rapt/score/when.hpp"

#if RAPT_COMPILED
#include "rapt/compiled/usual.hpp"
#endif

RAPT_NAMESPACE_BEGIN
namespace detail {

/// What a call of such elements is computed in: double if all are, and float if none is; nothing if they don't go
/// together, or if there is one that is no element.
template <class... X> struct CallOf { using type = void; };
template <class... X>
  requires(CacheElement<std::remove_const_t<X>>&&...)
struct CallOf<X...> {
  static constexpr bool none_double = !(std::is_same_v<std::remove_const_t<X>, double> || ...);
  static constexpr bool all_double = (std::is_same_v<std::remove_const_t<X>, double> && ...);
  using type = std::conditional_t<all_double, double, std::conditional_t<none_double, float, void>>;
};
template <class... X> using call_t = typename CallOf<X...>::type;

/// The same, or float where there is nothing, so that only Types complains.
template <class Q> struct ElementOf { using type = float; };
template <CacheElement Q> struct ElementOf<Q> { using type = arithmetic_t<Q>; };
template <class Q> using element_t = typename ElementOf<std::remove_const_t<Q>>::type;

/// Says in words what the templates below would say in pages, and says nothing more if they do not fit.
template <class Q, class K, class V, class O, class S> struct Types {
  static constexpr bool elements = CacheElement<std::remove_const_t<Q>> && CacheElement<std::remove_const_t<K>> &&
                                   CacheElement<std::remove_const_t<V>> && CacheElement<std::remove_const_t<O>>;
  static constexpr bool together = !std::is_void_v<call_t<Q, K, V, O>>;
  static_assert(elements,
                "rapt: q, k, v and out hold float, Eigen::half or Eigen::bfloat16, each its own; or all double");
  static_assert(together || !elements, "rapt: if any of q, k, v and out holds double, all of them do");
  static_assert(!std::is_const_v<O>, "rapt: out is written to, so its elements can't be const");
  static_assert(Score<S>,
                "rapt: the fifth argument is made of stages, such as rapt::softcap(50) | rapt::causal(), or a function "
                "bool(rapt::Coord) or float(float, rapt::Coord)");
  static constexpr bool fit = together && !std::is_const_v<O> && Score<S>;
};

/// As Types, for queries that attend to a cache of K.
template <class Q, class K, class O, class S> struct CachedTypes {
  static constexpr bool together = !std::is_void_v<call_t<Q, widened_t<K>, O>>;
  static_assert(together,
                "rapt: q and out hold double if the cache does, and otherwise float, Eigen::half or "
                "Eigen::bfloat16, each its own");
  static_assert(!std::is_const_v<O>, "rapt: out is written to, so its elements can't be const");
  static_assert(Score<S>,
                "rapt: the fourth argument is made of stages, such as rapt::softcap(50) | rapt::causal(), or a "
                "function bool(rapt::Coord) or float(float, rapt::Coord)");
  static constexpr bool fit = together && !std::is_const_v<O> && Score<S>;
};

/// The same where queries are shown what they attend to.
template <class Q, class K, class O, class S> struct ObservedTypes : CachedTypes<Q, K, O, S> {
  static_assert(!QuantisedElement<K>,
                "rapt: keys that a cache keeps as codes can be attended to, and not observed: read_keys() has them as "
                "numbers");
  static constexpr bool fit = CachedTypes<Q, K, O, S>::fit && !QuantisedElement<K>;
};

/// A ring forgets its oldest positions: no query of a sequence, which stand at first_query and after it, may attend to
/// those before `first`.
template <class S>
void check_forgotten(const S& score, Index sequence, Index q_heads, Index first_query, Index q_len, Index first) {
  if (first == 0 || q_len == 0) return;
  const Box forgotten{static_cast<std::int32_t>(sequence),
                      0,
                      static_cast<std::int32_t>(q_heads - 1),
                      static_cast<std::int32_t>(first_query),
                      static_cast<std::int32_t>(first_query + q_len - 1),
                      0,
                      static_cast<std::int32_t>(first - 1)};
  if (covers(score, forgotten) != Coverage::none)
    fail("score",
         {"is ", describe(score), ", which lets queries from position ", first_query,
          " on attend to keys before position ", first},
         {"batch entry ", sequence,
          " of the call has a sequence that has forgotten those: it takes a shorter window, fewer queries at once, or "
          "a larger capacity"});
}

template <class T, class S, class Kv> void check_forgotten(const Problem<T, Kv>& p, const S& score) {
  for (Index b = 0; b < p.batch(); ++b)
    check_forgotten(score, b, p.q_heads(), p.first_query(b), p.q_len(b), p.kv.first(b));
}

template <class Kv> void check_cached_dims(const AnyInput& q, const Kv& kv, const AnyInput& out) {
  check_same("q", "head_dim", q.dim(), kv.head_dim(), "the cache");
  check_same("out", "the number of heads", out.heads(), q.heads(), "q");
  check_same("out", "value_dim", out.dim(), kv.value_dim(), "the cache");
  check_groups(q.heads(), kv.heads());
}

/// Keys and values that are a caller's, whatever their home: right by themselves, and apart from what is written.
template <class Kv> void check_kv(const Kv&) {}
template <class K, class V> void check_kv(const PagedRowsKv<K, V>& kv) { check_pages(kv); }
template <class T, class Kv> void check_kv_apart(const Problem<T, Kv>&) {}
template <class T, class K, class V> void check_kv_apart(const Problem<T, PagedRowsKv<K, V>>& p) {
  check_apart(p.out, p.lse, p.kv.k, "k_pages");
  check_apart(p.out, p.lse, p.kv.v, "v_pages");
  const Written written{footprint(p.out), footprint(p.lse)};
  written.check_apart(footprint(p.kv.table.pages), "block_table");
  written.check_apart(footprint(p.kv.table.lengths), "lengths");
}

/// validated(), for queries that attend to a cache.
template <class T, class Kv, class S>
Problem<T, Kv> validated_cached(const AnyInput& q, const Kv& kv, const AnyOutput& out, const S& score, Align align,
                                const Options<T>& options) {
  check_kv(kv);
  check_view(q, "q", "head_dim");
  check_view(out, "out", "value_dim");
  check_same("q", "batch", q.batch(), kv.batch(), "the cache's sequences");
  check_same("out", "batch", out.batch(), q.batch(), "q");
  check_same("out", "length", out.length(), q.length(), "q");
  check_cached_dims(q, kv, out);
  check_lse(options.lse, q);
  const Problem<T, Kv> problem{q, kv, out, options.lse, checked_scale<T>(options.scale, q.dim()), align};
  for (Index b = 0; b < kv.batch(); ++b) check_align(problem.align, q.length(), kv.length(b));
  check_forgotten(problem, score);
  check_written(out, options.lse);
  check_apart(out, options.lse, q, "q");
  check_kv_apart(problem);
  return problem;
}

/// The kernels of a call of such queries: of pairs where all is bfloat16, unless the options want it exact.
template <class Q, class T, class Kv> auto kernel_for(const Options<T>& options) {
  ForwardKernel<T, Kv> (*kernel_of)(Isa) = &forward_kernel<T, Kv>;
  if constexpr (has_codes<Kv>) {
    if (options.arithmetic == Arithmetic::exact)
      fail("options.arithmetic", "is exact",
           "it has to be automatic: codes are multiplied in integers, and not widened");
  } else if constexpr (std::is_same_v<std::remove_const_t<Q>, Eigen::bfloat16> &&
                       std::is_same_v<typename Kv::StoredKey, Eigen::bfloat16> &&
                       std::is_same_v<typename Kv::StoredValue, Eigen::bfloat16>) {
    if (options.arithmetic == Arithmetic::automatic) kernel_of = &pair_kernel<Kv>;
  }
  return kernel_of;
}

/// The plan of a call whose types are known to fit.
template <class Q, class K, class V, class O, class S>
auto planned(const View<Q>& q, const View<K>& k, const View<V>& v, const View<O>& out, const S& score,
             const Options<element_t<Q>>& options) {
  using T = element_t<Q>;
  using Key = std::remove_const_t<K>;
  using Value = std::remove_const_t<V>;
  const staged_t<S> stage = staged(score);
  const Align align = align_of(stage).value_or(align::bottom_right);
  Problem<T, StridedKv<Key, Value>> problem = validated<T, Key, Value>(q, k, v, out, options.lse, options.scale, align);
  problem.access = row_access<T, std::remove_const_t<Q>, O>();
  return Plan<T, staged_t<S>, StridedKv<Key, Value>>(problem, stage, options,
                                                     kernel_for<Q, T, StridedKv<Key, Value>>(options));
}
template <class Q, class K, class Kv, class O, class S>
auto planned(const View<Q>& q, const CacheView<K, Kv>& cache, const View<O>& out, const S& score,
             const Options<arithmetic_t<K>>& options) {
  using T = arithmetic_t<K>;
  const staged_t<S> stage = staged(score);
  const Align align = align_of(stage).value_or(align::bottom_right);
  Problem<T, Kv> problem = validated_cached<T>(q, cache.kv, out, stage, align, options);
  problem.access = row_access<T, std::remove_const_t<Q>, O>();
  return Plan<T, staged_t<S>, Kv>(problem, stage, options, kernel_for<Q, T, Kv>(options));
}

}  // namespace detail

// What fits none of the functions below: a matrix or a pointer instead of a view, options before the score, an option
// that doesn't exist. A compiler shows the line of a function that is deleted, and would list all the others.
// clang-format off
template <class A> void attention(const A&, ...) = delete;  // rapt: the arguments are (q, k, v, out[, score][, options]) or (q, cache, out[, score][, options]); q, k, v and out are views: bshd(pointer, ...), view(matrix); options are {.scale, .lse, .executor, .rope, .rope_rows, .workspace, .arithmetic, .isa}, in this order
template <class A> void plan(const A&, ...) = delete;       // rapt: the arguments are (q, k, v, out[, score][, options]) or (q, cache, out[, score][, options]); q, k, v and out are views: bshd(pointer, ...), view(matrix); options are {.scale, .lse, .executor, .rope, .rope_rows, .workspace, .arithmetic, .isa}, in this order
// clang-format on

/// What attention(q, k, v, out, score, options) would run, and how. Holds views, not copies: the memory has to stay.
///
/// Throws what attention() throws, except that nothing is computed yet.
template <class Q, class K, class V, class O, class S = Plain>
auto plan(const View<Q>& q, const View<K>& k, const View<V>& v, const View<O>& out, const S& score = {},
          const Options<detail::element_t<Q>>& options = {}) {
  if constexpr (detail::Types<Q, K, V, O, S>::fit)
    return detail::Watching::watched(detail::planned(q, k, v, out, score, options));
}

/// The same without a mask: plan(q, k, v, out, {.scale = 0.125}).
template <class Q, class K, class V, class O>
auto plan(const View<Q>& q, const View<K>& k, const View<V>& v, const View<O>& out,
          const Options<detail::element_t<Q>>& options) {
  return plan(q, k, v, out, Plain{}, options);
}

/// Scaled dot-product attention: out = softmax(scale · q kᵀ, masked by score) v, for each batch entry and head.
///
///   q    [batch, q_heads,  q_len,  head_dim]    k  [batch, kv_heads, kv_len, head_dim]
///   out  [batch, q_heads,  q_len,  value_dim]   v  [batch, kv_heads, kv_len, value_dim]
///
/// q_heads is a multiple of kv_heads, and query head h reads key/value head h / (q_heads / kv_heads): MHA, GQA and MQA
/// are one call and three shapes. Each view holds float, Eigen::half or Eigen::bfloat16, and all is computed in float;
/// or all hold double. A query without any key gets 0.
///
/// `score` says what happens to the scores before the softmax, in the order in which it is composed with |: masks,
/// such as causal() and window(left, right), score changes, such as softcap(50), and functions bool(Coord), which are
/// masks, and float(float, Coord), which are changes: softcap(50) | [](float s, Coord c) { … } | causal().
///
/// Throws std::invalid_argument, before anything is written, for a shape, pointer or option that can't be right, and
/// std::bad_alloc if there is no memory for the workspace. Passes on what an executor throws, and throws
/// std::logic_error if one returns without having run the task; then some of out may be written.
///
/// The algorithm is FlashAttention's (Dao et al. 2022, arXiv:2205.14135; Dao 2023, arXiv:2307.08691) over the online
/// softmax of Milakov and Gimelshein (2018, arXiv:1805.02867), with the queries in the SIMD lanes.
template <class Q, class K, class V, class O, class S = Plain>
void attention(const View<Q>& q, const View<K>& k, const View<V>& v, const View<O>& out, const S& score = {},
               const Options<detail::element_t<Q>>& options = {}) {
  if constexpr (detail::Types<Q, K, V, O, S>::fit) detail::planned(q, k, v, out, score, options).run();
}

/// The same without a mask: attention(q, k, v, out, {.scale = 0.125}).
template <class Q, class K, class V, class O>
void attention(const View<Q>& q, const View<K>& k, const View<V>& v, const View<O>& out,
               const Options<detail::element_t<Q>>& options) {
  attention(q, k, v, out, Plain{}, options);
}

/// What attention(q, cache, out, score, options) would run, and how. To be run before the cache grows: run() throws
/// std::logic_error afterwards.
template <class Q, class K, class Kv, class O, class S = Plain>
auto plan(const View<Q>& q, const CacheView<K, Kv>& cache, const View<O>& out, const S& score = {},
          const Options<detail::arithmetic_t<K>>& options = {}) {
  if constexpr (detail::CachedTypes<Q, K, O, S>::fit)
    return detail::Watching::watched(detail::planned(q, cache, out, score, options));
}
template <class Q, class K, class Home, class O, class S = Plain>
auto plan(const View<Q>& q, const detail::Cache<K, Home>& cache, const View<O>& out, const S& score = {},
          const Options<detail::arithmetic_t<K>>& options = {}) {
  return plan(q, cache.view(), out, score, options);
}

/// The same without a mask: plan(q, cache, out, {.scale = 0.125}).
template <class Q, class K, class Kv, class O>
auto plan(const View<Q>& q, const CacheView<K, Kv>& cache, const View<O>& out,
          const Options<detail::arithmetic_t<K>>& options) {
  return plan(q, cache, out, Plain{}, options);
}
template <class Q, class K, class Home, class O>
auto plan(const View<Q>& q, const detail::Cache<K, Home>& cache, const View<O>& out,
          const Options<detail::arithmetic_t<K>>& options) {
  return plan(q, cache.view(), out, Plain{}, options);
}

/// Attention to the keys and values of a cache, a KvCache, RingCache or PagedCache, of some of its sequences
/// (cache.view()), or in pages (paged()):
///
///   q  [sequences, q_heads, q_len, head_dim]    out  [sequences, q_heads, q_len, value_dim]
///
/// Each sequence has as many keys as were appended to it, and an alignment of its own: by default its last query stands
/// at its last position. The bits are those of the same keys and values in memory (rounded to 16 bits, if the cache
/// keeps them so). Throws what attention(q, k, v, out) throws.
template <class Q, class K, class Kv, class O, class S = Plain>
void attention(const View<Q>& q, const CacheView<K, Kv>& cache, const View<O>& out, const S& score = {},
               const Options<detail::arithmetic_t<K>>& options = {}) {
  if constexpr (detail::CachedTypes<Q, K, O, S>::fit) detail::planned(q, cache, out, score, options).run();
}
template <class Q, class K, class Home, class O, class S = Plain>
void attention(const View<Q>& q, const detail::Cache<K, Home>& cache, const View<O>& out, const S& score = {},
               const Options<detail::arithmetic_t<K>>& options = {}) {
  attention(q, cache.view(), out, score, options);
}

/// The same without a mask: attention(q, cache, out, {.scale = 0.125}).
template <class Q, class K, class Kv, class O>
void attention(const View<Q>& q, const CacheView<K, Kv>& cache, const View<O>& out,
               const Options<detail::arithmetic_t<K>>& options) {
  attention(q, cache, out, Plain{}, options);
}
template <class Q, class K, class Home, class O>
void attention(const View<Q>& q, const detail::Cache<K, Home>& cache, const View<O>& out,
               const Options<detail::arithmetic_t<K>>& options) {
  attention(q, cache.view(), out, Plain{}, options);
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
