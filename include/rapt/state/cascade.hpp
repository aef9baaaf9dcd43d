// Sequences with a common beginning: its keys and values are read once for all of them.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "rapt/attention.hpp"
#include "rapt/state/merge.hpp"

RAPT_NAMESPACE_BEGIN

/// Memory for cascade_attention() to work in. Pass one with CascadeOptions::memory and keep it: it grows to the largest
/// call and then allocates no more. One call at a time may use it.
struct CascadeMemory {
  Workspace states;   ///< of the common keys, and the logsumexps of the others
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

/// What a cascade keeps between its passes: queries that have to be copied to fold, and two states, in memory order
/// [batch, position, head, dim].
template <class T> struct CascadeParts {
  View<T> q;
  AttentionState<T> common, own;
};

template <class T>
CascadeParts<T> cascade_parts(const View<const T>& q, const View<T>& out, const LogSumExp<T>& lse, Workspace& memory) {
  const Index rows = q.batch() * q.length(), heads = q.heads();
  const Index copied = folds(q) ? 0 : rows * heads * q.dim(), line = Index(Workspace::alignment / sizeof(T));
  const Index q_size = round_up(copied, line), out_size = round_up(rows * heads * out.dim(), line),
              lse_size = round_up(rows * heads, line);
  memory.reserve((q_size + out_size + 2 * lse_size) * Index(sizeof(T)));
  T* const at = reinterpret_cast<T*>(memory.data());
  const auto lse_at = [&](T* data) { return lse_bsh(data, q.batch(), q.length(), heads); };
  T* const lses = at + q_size + out_size;
  return {bshd(at, q.batch(), q.length(), heads, q.dim()),
          {bshd(at + q_size, q.batch(), q.length(), heads, out.dim()), lse_at(lses)},
          {out, lse.wanted() ? lse : lse_at(lses + lse_size)}};
}

template <class T> void copy_view(const View<const T>& from, const View<T>& to) {
  for (Index b = 0; b < to.batch(); ++b)
    for (Index s = 0; s < to.length(); ++s)
      for (Index h = 0; h < to.heads(); ++h)
        for (Index d = 0; d < to.dim(); ++d) to(b, h, s, d) = from(b, h, s, d);
}

/// What the attention to the common keys asks of its arguments. (That to each sequence's own ones comes first, and asks
/// the rest of q, out and the logsumexp.)
template <class T>
void check_cascade(const View<const T>& q, const View<const T>& k, const View<const T>& v, const View<T>& out,
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

/// `attend_own(out, options)` attends to each sequence's own keys; it checks its arguments before it writes.
template <class T, class Own>
void cascade(const View<const T>& q, const View<const T>& k, const View<const T>& v, const View<T>& out,
             const CascadeOptions<T>& o, const Own& attend_own) {
  check_cascade(q, k, v, out, o.lse);
  CascadeMemory own_memory;
  CascadeMemory& memory = o.memory == nullptr ? own_memory : *o.memory;
  const Workspace::Use use(memory.states);
  const CascadeParts<T> parts = cascade_parts(q, out, o.lse, memory.states);
  attend_own(
      parts.own.out,
      Options<T>{
          .scale = o.scale, .lse = parts.own.lse, .executor = o.executor, .workspace = &memory.scratch, .isa = o.isa});
  View<const T> rows = q;
  if (!folds(q)) {
    copy_view(q, parts.q);
    rows = parts.q;
  }
  LogSumExp<T> lse = parts.common.lse;  // [batch, heads, n], folded as the output is
  lse.extent = {std::min<Index>(q.batch(), 1), q.heads(), q.batch() * q.length()};
  lse.stride = {0, 1, q.heads()};
  attention(folded(rows), k, v, folded(parts.common.out),
            {.scale = o.scale, .lse = lse, .executor = o.executor, .workspace = &memory.scratch, .isa = o.isa});
  merge<T>({parts.common, parts.own}, parts.own, {.executor = o.executor, .isa = o.isa});
}

}  // namespace detail

/// Attention of sequences that begin alike, as when one prompt has many continuations: each query attends to all of the
/// common keys and, as `score` says, to its sequence's own ones, whose positions count from 0 behind the common ones.
/// The common keys and values are read once for all sequences, and not once for each: with 16 sequences, nearly 16
/// times less memory.
///
///   q         [batch, q_heads, q_len, head_dim]     own_k, own_v        [batch, kv_heads, own_len, …]
///   out       [batch, q_heads, q_len, value_dim]    common_k, common_v  [1, kv_heads, common_len, …]
///
/// Two states, merged: right up to rounding, and not in the last bit, as attention to all the keys at once would be.
/// Throws what attention() and merge() throw. (Cascade inference: Ye et al. 2024, FlashInfer; Juravsky et al. 2024,
/// Hydragen, arXiv:2402.05099.)
template <class Q, class K, class V, class OwnK, class OwnV, class T, class S = Plain>
void cascade_attention(const View<Q>& q, const View<K>& common_k, const View<V>& common_v, const View<OwnK>& own_k,
                       const View<OwnV>& own_v, const View<T>& out, const S& score = {},
                       const CascadeOptions<T>& options = {}) {
  detail::cascade<T>(q, common_k, common_v, out, options,
                     [&](const View<T>& to, const Options<T>& inner) { attention(q, own_k, own_v, to, score, inner); });
}

/// The same where a cache holds the sequences' own keys and values.
template <class Q, class K, class V, class Own, class Home, class T, class S = Plain>
void cascade_attention(const View<Q>& q, const View<K>& common_k, const View<V>& common_v,
                       const detail::Cache<Own, Home>& own, const View<T>& out, const S& score = {},
                       const CascadeOptions<T>& options = {}) {
  detail::cascade<T>(q, common_k, common_v, out, options,
                     [&](const View<T>& to, const Options<T>& inner) { attention(q, own, to, score, inner); });
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
