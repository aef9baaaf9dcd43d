// The front door: attention() and plan().
#pragma once

#include <type_traits>
#include <utility>

#include "rapt/core/problem.hpp"
#include "rapt/plan/options.hpp"
#include "rapt/plan/plan.hpp"
#include "rapt/score/band.hpp"
#include "rapt/score/score.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Says in words what the templates below would say in pages, and says nothing more if they do not fit.
template <class Q, class K, class V, class O, class S> struct Types {
  static constexpr bool elements = Element<Q> && Element<K> && Element<V> && Element<O>;
  static constexpr bool same = std::is_same_v<std::remove_const_t<Q>, std::remove_const_t<K>> &&
                               std::is_same_v<std::remove_const_t<Q>, std::remove_const_t<V>> &&
                               std::is_same_v<std::remove_const_t<Q>, std::remove_const_t<O>>;
  static_assert(elements, "rapt: q, k, v and out hold float or double");
  static_assert(same || !elements, "rapt: q, k, v and out hold elements of one type");
  static_assert(!std::is_const_v<O>, "rapt: out is written to, so its elements can't be const");
  static_assert(Score<S>, "rapt: the fifth argument is a mask, such as rapt::causal() | rapt::window(255, 0)");
  static constexpr bool fit = elements && same && !std::is_const_v<O> && Score<S>;
};

/// The element type of a call, or float where there is none, so that only check_types() complains.
template <class Q> struct ElementOf { using type = float; };
template <Element Q> struct ElementOf<Q> { using type = std::remove_const_t<Q>; };
template <class Q> using element_t = typename ElementOf<Q>::type;

}  // namespace detail

/// What attention(q, k, v, out, score, options) would run, and how. Holds views, not copies: the memory has to stay.
///
/// Throws what attention() throws, except that nothing is computed yet.
template <class Q, class K, class V, class O, class S = Plain>
auto plan(const View<Q>& q, const View<K>& k, const View<V>& v, const View<O>& out, const S& score = {},
          const Options<detail::element_t<Q>>& options = {}) {
  if constexpr (detail::Types<Q, K, V, O, S>::fit) {
    using T = detail::element_t<Q>;
    const Align align = score.align.value_or(align::bottom_right);
    return Plan<T, S>(detail::validated<T>(q, k, v, out, options.lse, options.scale, align), score, options);
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
/// are one call and three shapes. All views hold float, or all double. A query without any key gets 0. `score` is a
/// mask: causal(), window(left, right), or both with |.
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

RAPT_NAMESPACE_END
