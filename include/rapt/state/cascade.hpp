// Sequences with a common beginning: its keys and values are read once for all of them.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "rapt/attention.hpp"
#include "rapt/state/part_of_score.hpp"

RAPT_NAMESPACE_BEGIN

/// Memory for cascade_attention() to work in. Pass one with CascadeOptions::memory and keep it: it grows to the largest
/// call and then allocates no more. One call at a time may use it.
struct CascadeMemory {
  Workspace states;   ///< what the common keys have come to
  Workspace scratch;  ///< for the attention to either
};

/// Everything has a default, and each field can be named.
template <class T> struct CascadeOptions {
  std::optional<double> scale{};    ///< what scores are multiplied with; 1/sqrt(head_dim) if unset
  LogSumExp<T> lse{};               ///< where each row's logsumexp goes; nowhere if unset
  Executor* executor = nullptr;     ///< whose threads to use; the calling one if null
  CascadeMemory* memory = nullptr;  ///< the memory to work in; allocated for this call if null
  std::optional<Isa> isa{};         ///< the instruction set to use; active_isa() if unset
};

namespace detail {

/// Whether batch and position step through memory as one dimension.
template <class T> bool folds(const View<T>& x) {
  return x.batch() <= 1 || x.length() <= 1 || x.stride[0] == x.length() * x.stride[2];
}

/// [batch, heads, n, dim] as [1, heads, batch · n, dim]: to the keys that all share, they are the rows of one sequence.
template <class T> View<T> folded(const View<T>& x) {
  return {x.data,
          {std::min<Index>(x.batch(), 1), x.heads(), x.batch() * x.length(), x.dim()},
          {0, x.stride[1], x.length() > 1 ? x.stride[2] : x.stride[0], x.stride[3]}};
}

/// What a cascade keeps between its passes: the softmax states of all rows, m, l and o side by side, in memory order
/// [batch, position, head, 2 + value_dim]; where each sequence's queries begin; and queries, if they have to be copied
/// to fold.
template <class T> struct CascadeParts {
  View<T> states, q;
  std::int32_t* first;

  /// The o of the states, as an output.
  View<T> outputs() const {
    View<T> o = states;
    o.data += 2, o.extent[3] -= 2;
    return o;
  }
};

template <class T> CascadeParts<T> cascade_parts(const View<const T>& q, Index value_dim, Workspace& memory) {
  const Index rows = q.batch() * q.length(), heads = q.heads(), line = Index(Workspace::alignment);
  const auto bytes = [&](Index count, Index size) { return round_up(count * size, line); };
  const Index states = bytes(rows * heads * (value_dim + 2), sizeof(T)),
              queries = folds(q) ? 0 : bytes(rows * heads * q.dim(), sizeof(T));
  memory.reserve(states + queries + bytes(q.batch(), sizeof(std::int32_t)));
  std::byte* const at = memory.data();
  return {bshd(reinterpret_cast<T*>(at), q.batch(), q.length(), heads, value_dim + 2),
          bshd(reinterpret_cast<T*>(at + states), q.batch(), q.length(), heads, q.dim()),
          reinterpret_cast<std::int32_t*>(at + states + queries)};
}

template <class T> void copy_view(const View<const T>& from, const View<T>& to) {
  for (Index b = 0; b < to.batch(); ++b)
    for (Index s = 0; s < to.length(); ++s)
      for (Index h = 0; h < to.heads(); ++h)
        for (Index d = 0; d < to.dim(); ++d) to(b, h, s, d) = from(b, h, s, d);
}

/// What the attention to the common keys asks of its arguments. (That to each sequence's own ones comes first, and asks
/// the rest of q, out and the logsumexp.)
template <class T, class K, class V>
void check_cascade(const View<const T>& q, const View<const K>& k, const View<const V>& v, const View<T>& out,
                   const LogSumExp<T>& lse) {
  check_heads_and_dims(q, k, v, out, "common_k", "common_v");
  check_same("common_k", "batch", k.batch(), 1, "keys that all sequences share");
  check_same("common_v", "batch", v.batch(), 1, "values that all sequences share");
  check_same("common_v", "length", v.length(), k.length(), "common_k");
  require(q.batch() * q.length() < max_length, "q", "batch times length", q.batch() * q.length(),
          "it has to be less than 2^30");
  check_apart(out, lse, k, "common_k");
  check_apart(out, lse, v, "common_v");
}

/// An alignment to all keys, to those behind the common ones.
inline Align behind(const Align& align, Index common) {
  if (align.kind == Align::Kind::bottom_right) return align;
  return align::offset(align.first_position(0, 0) - common);
}

/// A call goes on from the states that another one left of its rows; or leaves them, instead of outputs.
struct Carrying {
  template <class T, class S, class Kv> static void run(Plan<T, S, Kv>& plan, const Carry<T>& carry) {
    plan.work_.carry = carry;
    plan.run();
  }
  template <class T, class S, class Kv> static const Problem<T, Kv>& problem(const Plan<T, S, Kv>& plan) {
    return plan.work_.problem;
  }
};

template <class T> Options<T> of_cascade(const CascadeOptions<T>& o, CascadeMemory& memory) {
  return {.scale = o.scale, .executor = o.executor, .workspace = &memory.scratch, .isa = o.isa};
}

/// The common keys, to the queries of all sequences at once.
template <class T, class S, class K, class V>
void attend_common(const View<const T>& q, const View<const K>& k, const View<const V>& v, const S& score,
                   const CascadeParts<T>& parts, const Options<T>& options) {
  View<const T> rows = q;
  if (!folds(q)) {
    copy_view(q, parts.q);
    rows = parts.q;
  }
  const auto problem =
      validated<T, K, V>(folded(rows), k, v, folded(parts.outputs()), {}, options.scale, align::top_left);
  const FoldedRows fold{Divisor(static_cast<std::int32_t>(std::max<Index>(q.length(), 1))), parts.first};
  const auto part = part_of(score, fold);
  Plan<T, std::remove_const_t<decltype(part)>, StridedKv<K, V>> plan(problem, part, options);
  Carrying::run(plan, {{}, folded(parts.states)});
}

/// `plan_own(score, align, options)` plans the attention to each sequence's own keys, which checks its arguments.
template <class T, class S, class K, class V, class Own>
void cascade(const View<const T>& q, const View<const K>& k, const View<const V>& v, const View<T>& out, const S& score,
             const CascadeOptions<T>& o, const Own& plan_own) {
  check_cascade(q, k, v, out, o.lse);
  CascadeMemory own_memory;
  CascadeMemory& memory = o.memory == nullptr ? own_memory : *o.memory;
  const Workspace::Use use(memory.states);
  const Index common = k.length();
  const Align align = align_of(score).value_or(align::bottom_right);
  Options<T> options = of_cascade(o, memory);
  options.lse = o.lse;
  auto own = plan_own(part_of(score, BehindCommon{static_cast<std::int32_t>(common)}), behind(align, common), options);
  const auto& problem = Carrying::problem(own);
  const Index keys = common + problem.kv.longest();
  require(keys < max_length, "common_k", "the number of keys with each sequence's own", keys,
          "it has to be less than 2^30");
  check(score, {q.batch(), q.heads(), q.length(), keys, {footprint(out), footprint(o.lse)}});

  const CascadeParts<T> parts = cascade_parts(q, out.dim(), memory.states);
  for (Index b = 0; b < q.batch(); ++b) parts.first[b] = static_cast<std::int32_t>(problem.first_query(b) + common);
  options.lse = {};
  attend_common(q, k, v, score, parts, options);
  Carrying::run(own, {parts.states, {}});
}

}  // namespace detail

// clang-format off
template <class A> void cascade_attention(const A&, ...) = delete;  // rapt: the arguments are (q, common_k, common_v, own_k, own_v, out[, score[, options]]) or (q, common_k, common_v, cache, out[, score[, options]]); all but the cache are views; options are {.scale, .lse, .executor, .memory, .isa}, in this order
// clang-format on

/// Attention of sequences that begin alike, as when one prompt has many continuations: each query attends to the common
/// keys and to its sequence's own ones, which come after them, as if they were one sequence: `score` sees positions
/// that count over both, and a bias or mask in memory has a place for all keys. The common keys and values are read
/// once for all sequences, and not once for each: with 16 sequences, nearly 16 times less memory.
///
///   q         [batch, q_heads, q_len, head_dim]     own_k, own_v        [batch, kv_heads, own_len, …]
///   out       [batch, q_heads, q_len, value_dim]    common_k, common_v  [1, kv_heads, common_len, …]
///
/// The bits are those of attention() to all the keys wherever common_len is a multiple of 512, a span; else they differ
/// by roundings, as a row's own spans begin where the common keys end.
///
/// Throws what attention() throws. (Cascade inference: Ye et al. 2024, FlashInfer; Juravsky et al. 2024, Hydragen,
/// arXiv:2402.05099. Here the second part goes on from the softmax state of the first, which isn't normalised between
/// them.)
template <class Q, class K, class V, class OwnK, class OwnV, class T, class S = Plain>
void cascade_attention(const View<Q>& q, const View<K>& common_k, const View<V>& common_v, const View<OwnK>& own_k,
                       const View<OwnV>& own_v, const View<T>& out, const S& score = {},
                       const CascadeOptions<T>& options = {}) {
  if constexpr (detail::Types<Q, K, V, T, S>::fit && detail::Types<Q, OwnK, OwnV, T, S>::fit) {
    using Key = std::remove_const_t<OwnK>;
    using Value = std::remove_const_t<OwnV>;
    detail::cascade<T>(View<const T>(q), View<const std::remove_const_t<K>>(common_k),
                       View<const std::remove_const_t<V>>(common_v), out, detail::staged(score), options,
                       [&](const auto& part, Align align, const Options<T>& o) {
                         return Plan<T, std::remove_cvref_t<decltype(part)>, detail::StridedKv<Key, Value>>(
                             detail::validated<T, Key, Value>(q, own_k, own_v, out, o.lse, o.scale, align), part, o);
                       });
  }
}

/// The same where a cache holds the sequences' own keys and values: each sequence has as many as it has taken in.
template <class Q, class K, class V, class Own, class Home, class T, class S = Plain>
void cascade_attention(const View<Q>& q, const View<K>& common_k, const View<V>& common_v,
                       const detail::Cache<Own, Home>& own, const View<T>& out, const S& score = {},
                       const CascadeOptions<T>& options = {}) {
  if constexpr (detail::Types<Q, K, V, T, S>::fit && detail::CachedTypes<Q, Own, T, S>::fit) {
    const auto view = own.view();
    detail::cascade<T>(View<const T>(q), View<const std::remove_const_t<K>>(common_k),
                       View<const std::remove_const_t<V>>(common_v), out, detail::staged(score), options,
                       [&](const auto& part, Align align, const Options<T>& o) {
                         return Plan<T, std::remove_cvref_t<decltype(part)>, std::remove_cvref_t<decltype(view.kv)>>(
                             detail::validated_cached<T>(View<const T>(q), view.kv, out, part, align, o), part, o);
                       });
  }
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
