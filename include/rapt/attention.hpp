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

/// What elements kept as K are computed in; nothing for what isn't kept.
template <class K> struct ComputedIn { using type = void; };
template <CacheElement K> struct ComputedIn<K> { using type = arithmetic_t<K>; };
template <class K> using element_of_t = typename ComputedIn<K>::type;

/// Says in words what the templates below would say in pages, and says nothing more if they do not fit.
template <class Q, class K, class V, class O, class S> struct Types {
  using Kept = std::remove_const_t<K>;
  static constexpr bool elements =
      Element<Q> && CacheElement<Kept> && CacheElement<std::remove_const_t<V>> && Element<O>;
  static constexpr bool same = std::is_same_v<std::remove_const_t<Q>, element_of_t<Kept>> &&
                               std::is_same_v<std::remove_const_t<Q>, element_of_t<std::remove_const_t<V>>> &&
                               std::is_same_v<std::remove_const_t<Q>, std::remove_const_t<O>>;
  static_assert(elements, "rapt: q, k, v and out hold float or double; or k and v Eigen::half or Eigen::bfloat16");
  static_assert(
      same || !elements,
      "rapt: q, k, v and out hold elements of one type; or k and v, or one of them, 16-bit ones, and q and out float");
  static_assert(!std::is_const_v<O>, "rapt: out is written to, so its elements can't be const");
  static_assert(Score<S>,
                "rapt: the fifth argument is made of stages, such as rapt::softcap(50) | rapt::causal(), or a function "
                "bool(rapt::Coord) or float(float, rapt::Coord)");
  static constexpr bool fit = elements && same && !std::is_const_v<O> && Score<S>;
};

/// The element type of a call, or float where there is none, so that only check_types() complains.
template <class Q> struct ElementOf { using type = float; };
template <Element Q> struct ElementOf<Q> { using type = std::remove_const_t<Q>; };
template <class Q> using element_t = typename ElementOf<Q>::type;

/// As Types, for queries that attend to a cache of K.
template <class Q, class K, class O, class S> struct CachedTypes {
  static constexpr bool same =
      std::is_same_v<std::remove_const_t<Q>, arithmetic_t<K>> && std::is_same_v<O, arithmetic_t<K>>;
  static_assert(same, "rapt: q and out hold double if the cache does, and float otherwise; out is not const");
  static_assert(Score<S>,
                "rapt: the fourth argument is made of stages, such as rapt::softcap(50) | rapt::causal(), or a "
                "function bool(rapt::Coord) or float(float, rapt::Coord)");
  static constexpr bool fit = same && Score<S>;
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
         {"sequence ", sequence,
          " of the cache has forgotten those: it takes a shorter window, fewer queries at once, or a larger capacity"});
}

template <class T, class S, class Kv> void check_forgotten(const Problem<T, Kv>& p, const S& score) {
  for (Index b = 0; b < p.batch(); ++b)
    check_forgotten(score, b, p.q_heads(), p.first_query(b), p.q_len(b), p.kv.first(b));
}

template <class T, class Kv> void check_cached_dims(const View<const T>& q, const Kv& kv, const View<T>& out) {
  check_same("q", "head_dim", q.dim(), kv.head_dim(), "the cache");
  check_same("out", "the number of heads", out.heads(), q.heads(), "q");
  check_same("out", "value_dim", out.dim(), kv.value_dim(), "the cache");
  check_groups(q.heads(), kv.heads());
}

/// What can be wrong with a caller's pages: the table is looked at as far as the lengths reach.
template <class K, class V> RAPT_NOINLINE void check_pages(const PagedRowsKv<K, V>& kv) {
  const View<const K>& k = kv.k;
  const View<const V>& v = kv.v;
  const BlockTable& t = kv.table;
  check_view(k, "k_pages", "head_dim");
  check_view(v, "v_pages", "value_dim");
  check_same("v_pages", "the number of pages", v.batch(), k.batch(), "k_pages");
  check_same("v_pages", "the number of heads", v.heads(), k.heads(), "k_pages");
  check_same("v_pages", "the page size", v.length(), k.length(), "k_pages");
  check_same("block_table", "the number of sequences", t.pages.rows(), t.lengths.size(), "lengths");
  for (Index b = 0; b < t.lengths.size(); ++b) {
    const Index length = t.length(b);
    if (length < 0 || length >= max_length || t.count(length) > t.pages.columns())
      fail("lengths", {"length ", b, " is ", length},
           {"it has to be 0 or more, and the block table has ", t.pages.columns(), " pages of ", k.length(),
            " for each sequence"});
    for (Index i = 0; i < t.count(length); ++i)
      if (t.pages(b, i) < 0 || t.pages(b, i) >= k.batch())
        fail("block_table", {"page ", i, " of sequence ", b, " is ", t.pages(b, i)},
             {"it has to be from 0 to ", k.batch() - 1, ", as there are ", k.batch(), " pages"});
  }
}

/// Keys and values that are a caller's, whatever their home: right by themselves, and apart from what is written.
template <class Kv> void check_kv(const Kv&) {}
template <class K, class V> void check_kv(const PagedRowsKv<K, V>& kv) { check_pages(kv); }
template <class T, class Kv> void check_kv_apart(const Problem<T, Kv>&) {}
template <class T, class K, class V> void check_kv_apart(const Problem<T, PagedRowsKv<K, V>>& p) {
  check_apart(p.out, p.lse, p.kv.k, "k_pages");
  check_apart(p.out, p.lse, p.kv.v, "v_pages");
}

/// validated(), for queries that attend to a cache.
template <class T, class Kv, class S>
Problem<T, Kv> validated_cached(View<const T> q, const Kv& kv, View<T> out, const S& score, Align align,
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

}  // namespace detail

/// Keys and values in pages of a caller's own, for attention() to attend to: position p of sequence b stands in page
/// block_table(b, p / page_size), at place p % page_size, as in vLLM's PagedAttention (Kwon et al. 2023,
/// arXiv:2309.06180) and FlashAttention's block_table.
///
///   k_pages      [pages, kv_heads, page_size, head_dim], any strides; v_pages: value_dim instead of head_dim
///   block_table  [sequences, pages of the longest or more]: pages in any order, shared by as many as like to
///   lengths      positions of each sequence; what the table has beyond them is never looked at, nor are the pages
///
///     const auto pages = rapt::bshd(k_data, num_pages, page_size, kv_heads, head_dim);
///     rapt::attention(q, rapt::paged(pages, v_pages, rapt::row_major(table, batch, table_pages), lengths), out,
///                     rapt::causal());
///
/// Owns nothing. Pages of 16 positions, or a multiple, are read in place where few queries attend to them. Throws
/// std::invalid_argument for a page size of 0; the call that attends checks everything else, each page's number too.
template <class K, class V>
auto paged(const View<K>& k_pages, const View<V>& v_pages, const detail::IntegerMatrix& block_table,
           const detail::Integers& lengths) {
  using Key = std::remove_const_t<K>;
  using Value = std::remove_const_t<V>;
  static_assert(CacheElement<Key> && CacheElement<Value> &&
                    std::is_same_v<detail::element_of_t<Key>, detail::element_of_t<Value>>,
                "rapt: k_pages and v_pages hold float, Eigen::half or Eigen::bfloat16, or both of them double");
  detail::check_extent("k_pages", "the page size", k_pages.length());
  const detail::Divisor size(static_cast<std::int32_t>(k_pages.length()));
  return CacheView<Key, detail::PagedRowsKv<Key, Value>>{{k_pages, v_pages, {block_table, lengths, size}}};
}

// What fits none of the functions below: a matrix or a pointer instead of a view, options before the score, an option
// that doesn't exist. A compiler shows the line of a function that is deleted, and would list all the others.
// clang-format off
template <class A> void attention(const A&, ...) = delete;  // rapt: the arguments are (q, k, v, out[, score][, options]) or (q, cache, out[, score][, options]); q, k, v and out are views: bshd(pointer, ...), view(matrix); options are {.scale, .lse, .executor, .rope, .rope_rows, .workspace, .isa}, in this order
template <class A> void plan(const A&, ...) = delete;       // rapt: the arguments are (q, k, v, out[, score][, options]) or (q, cache, out[, score][, options]); q, k, v and out are views: bshd(pointer, ...), view(matrix); options are {.scale, .lse, .executor, .rope, .rope_rows, .workspace, .isa}, in this order
// clang-format on

/// What attention(q, k, v, out, score, options) would run, and how. Holds views, not copies: the memory has to stay.
///
/// Throws what attention() throws, except that nothing is computed yet.
template <class Q, class K, class V, class O, class S = Plain>
auto plan(const View<Q>& q, const View<K>& k, const View<V>& v, const View<O>& out, const S& score = {},
          const Options<detail::element_t<Q>>& options = {}) {
  if constexpr (detail::Types<Q, K, V, O, S>::fit) {
    using T = detail::element_t<Q>;
    const detail::staged_t<S> stage = detail::staged(score);
    const Align align = detail::align_of(stage).value_or(align::bottom_right);
    using Key = std::remove_const_t<K>;
    using Value = std::remove_const_t<V>;
    const auto problem = detail::validated<T, Key, Value>(q, k, v, out, options.lse, options.scale, align);
    return Plan<T, detail::staged_t<S>, detail::StridedKv<Key, Value>>(problem, stage, options);
  }
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
/// are one call and three shapes. All views hold float, or all double. A query without any key gets 0.
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
  if constexpr (detail::Types<Q, K, V, O, S>::fit) plan(q, k, v, out, score, options).run();
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
  if constexpr (detail::CachedTypes<Q, K, O, S>::fit) {
    using T = detail::arithmetic_t<K>;
    const detail::staged_t<S> stage = detail::staged(score);
    const Align align = detail::align_of(stage).value_or(align::bottom_right);
    return Plan<T, detail::staged_t<S>, Kv>(
        detail::validated_cached<T>(View<const T>(q), cache.kv, out, stage, align, options), stage, options);
  }
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
  if constexpr (detail::CachedTypes<Q, K, O, S>::fit) plan(q, cache, out, score, options).run();
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
