// com.microsoft GroupQueryAttention.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "rapt/compat/onnxruntime/tensors.hpp"
#include "rapt/compat/turn.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::onnxruntime {

/// Of GroupQueryAttention, by their names there.
template <class T> struct GroupQueryInputs {
  Tensor<const T> query{};                    ///< [batch, seq, hidden]; packed, q, k and v of a token side by side
  Tensor<const T> key{}, value{};             ///< [batch, seq, kv_hidden]; not given if query is packed
  Tensor<const T> past_key{}, past_value{};   ///< [batch, kv_num_heads, past or max, head_size], or none
  Tensor<const std::int32_t> seqlens_k{};     ///< [batch]: the position of each sequence's last token, not a count
  std::int64_t total_sequence_length = 0;     ///< of the longest sequence, with the new tokens
  Tensor<const T> cos_cache{}, sin_cache{};   ///< [positions, rotary / 2], with do_rotary
  Tensor<const std::int64_t> position_ids{};  ///< [batch, seq]: rows of the caches; the tokens' places if not given
  Tensor<const T> attention_bias{};           ///< [batch or 1, num_heads or 1, seq, total_sequence_length]
  Tensor<const T> head_sink{};                ///< [num_heads]: a logit that joins each row's softmax
};

struct GroupQueryAttributes {
  std::int64_t num_heads = 0, kv_num_heads = 0;
  double scale = 0;    ///< 1/sqrt(head_size) if 0
  double softcap = 0;  ///< none if 0
  bool do_rotary = false, rotary_interleaved = false;
  std::int64_t local_window_size = -1;  ///< keys that a token attends to, with itself; −1 for all before it
  bool smooth_softmax = false;          ///< one more logit of 0 in each row's softmax
};

template <class T> struct GroupQueryOutputs {
  Tensor<T> output{};                        ///< [batch, seq, num_heads · head_size]
  Tensor<T> present_key{}, present_value{};  ///< [batch, kv_num_heads, present or max, head_size]
};

namespace detail {

/// A call, all of it checked.
template <class T> struct GroupQuery {
  View<const T> q, k, v, past_k, past_v;
  View<T> out, present_k, present_v;
  std::vector<Index> before, total, fresh;  // of each sequence: tokens before this call, with it, and of this call
  std::vector<Index> rows;                  // of the rotary caches, [batch][seq]
};

template <class T>
GroupQuery<T> shapes_of(const GroupQueryInputs<T>& in, const GroupQueryAttributes& a, const GroupQueryOutputs<T>& out) {
  if (a.num_heads < 1) fail("num_heads", {"is ", a.num_heads}, "it has to be 1 or more");
  if (a.kv_num_heads < 1 || a.num_heads % a.kv_num_heads != 0)
    fail("kv_num_heads", {"is ", a.kv_num_heads}, {"it has to divide num_heads, ", a.num_heads});
  GroupQuery<T> g;
  if (in.key.given() != in.value.given())
    fail(in.key.given() ? "value" : "key", "is not given", "key and value go together");
  if (in.key.given()) {
    g.q = heads_of(in.query, "query", a.num_heads);
    g.k = heads_of(in.key, "key", a.kv_num_heads);
    g.v = heads_of(in.value, "value", a.kv_num_heads);
  } else {
    check_rank(in.query, "query", 3);
    const Index heads = a.num_heads + 2 * a.kv_num_heads;
    if (in.query.dim(2) % heads != 0)
      fail("query", {"its last size is ", in.query.dim(2)},
           {"it has to be a multiple of ", heads, " heads, those of q, k and v, as key is not given"});
    const Index dim = in.query.dim(2) / heads;
    g.q = heads_of(in.query, "query", a.num_heads, 0, dim);
    g.k = heads_of(in.query, "query", a.kv_num_heads, a.num_heads, dim);
    g.v = heads_of(in.query, "query", a.kv_num_heads, a.num_heads + a.kv_num_heads, dim);
  }
  check_size("key", "batch_size", g.k.batch(), g.q.batch(), ", as in query");
  check_size("value", "batch_size", g.v.batch(), g.q.batch(), ", as in query");
  check_size("key", "sequence_length", g.k.length(), g.q.length(), ", as in query");
  check_size("value", "sequence_length", g.v.length(), g.q.length(), ", as in query");
  check_size("key", "head_size", g.k.dim(), g.q.dim(), ", as in query");
  check_size("value", "head_size", g.v.dim(), g.q.dim(), ", as in query");
  g.out = heads_of(out.output, "output", a.num_heads);
  check_size("output", "batch_size", g.out.batch(), g.q.batch(), ", as in query");
  check_size("output", "sequence_length", g.out.length(), g.q.length(), ", as in query");
  check_size("output", "head_size", g.out.dim(), g.q.dim(), ", as in query");
  g.present_k = bnsh(out.present_key, "present_key"), g.present_v = bnsh(out.present_value, "present_value");
  check_cache<T>(g.present_k, "present_key", g.q.batch(), a.kv_num_heads, g.q.dim());
  check_cache<T>(g.present_v, "present_value", g.q.batch(), a.kv_num_heads, g.q.dim());
  check_size("present_value", "its length", g.present_v.length(), g.present_k.length(), ", as in present_key");
  if (in.past_key.given() != in.past_value.given())
    fail(in.past_key.given() ? "past_value" : "past_key", "is not given", "past_key and past_value go together");
  if (in.past_key.given()) {
    g.past_k = bnsh(in.past_key, "past_key"), g.past_v = bnsh(in.past_value, "past_value");
    check_cache<T>(g.past_k, "past_key", g.q.batch(), a.kv_num_heads, g.q.dim());
    check_cache<T>(g.past_v, "past_value", g.q.batch(), a.kv_num_heads, g.q.dim());
    check_size("past_value", "its length", g.past_v.length(), g.past_k.length(), ", as in past_key");
  }
  return g;
}

/// Where each sequence is. A prompt, whose total_sequence_length is that of query, may be shorter than the longest one:
/// what follows it is padding. Otherwise all tokens are new, behind those of the past.
template <class T> void take_lengths(GroupQuery<T>& g, const GroupQueryInputs<T>& in) {
  check_rank(in.seqlens_k, "seqlens_k", 1);
  check_size("seqlens_k", "its size", in.seqlens_k.dim(0), g.q.batch(), ", the batch_size of query");
  if (g.q.batch() > 0) rapt::detail::check_pointer(in.seqlens_k.data, "seqlens_k");
  const Index n = g.q.length();
  const bool prompt = in.total_sequence_length == n;
  for (Index b = 0; b < g.q.batch(); ++b) {
    const Index last = in.seqlens_k.data[b * in.seqlens_k.step(0)], total = last + 1, before = prompt ? 0 : total - n;
    if (total < (prompt ? 0 : n) || total > in.total_sequence_length)
      fail("seqlens_k", {"number ", b, " is ", last},
           {"it has to be from ", prompt ? -1 : n - 1, " to ", in.total_sequence_length - 1,
            ", as it is the last of total_sequence_length positions"});
    if (before > 0 && before > g.past_k.length())
      fail("past_key", {"has ", g.past_k.length(), " positions"},
           {"it has to have ", before, ", for sequence ", b, " of seqlens_k"});
    if (before + n > g.present_k.length())
      fail("present_key", {"has ", g.present_k.length(), " positions"},
           {"it has to have ", before + n, ", for sequence ", b, " of seqlens_k and the new tokens"});
    g.before.push_back(before);
    g.total.push_back(total);
    g.fresh.push_back(total - before);
  }
}

template <class T> void check_memory(const GroupQuery<T>& g, const GroupQueryInputs<T>& in) {
  using compat::detail::named;
  const View<const T> none{};
  const auto sink = in.head_sink.given() ? bsd(in.head_sink.data, 1, 1, in.head_sink.dim(0)) : none;
  compat::detail::check_apart(
      {named("output", g.out), named("present_key", g.present_k), named("present_value", g.present_v)},
      {named("query", g.q), named("key", g.k), named("value", g.v),
       named("past_key", in_place<T>(g.past_k, g.present_k) ? none : g.past_k),
       named("past_value", in_place<T>(g.past_v, g.present_v) ? none : g.past_v), named("head_sink", sink)});
}

/// Cosines and sines of what is computed in, and the row of each token.
template <class T> struct GroupQueryRotary {
  Buffer<computed_t<T>> cosines, sines;
  compat::detail::Angles<computed_t<T>> angles{};

  bool on() const { return angles.cosines != nullptr; }

  const computed_t<T>* take(const Tensor<const T>& t, const char* name, Index rows, Index pairs, Index most,
                            Buffer<computed_t<T>>& to) {
    check_rank(t, name, 2);
    check_size(name, "the number of rows", t.dim(0), rows, ", as in cos_cache");
    check_size(name, "its last size", t.dim(1), pairs, ", as in cos_cache");
    if (pairs < 1 || pairs > most)
      fail(name, {"its last size is ", pairs}, {"it has to be from 1 to ", most, ", half of head_size"});
    if (rows > 0) rapt::detail::check_pointer(t.data, name);
    const View<const T> view{t.data, {1, 1, t.dim(0), t.dim(1)}, {0, 0, t.step(0), t.step(1)}};
    return (to = Buffer<computed_t<T>>(view)).view().data;
  }
};

template <class T>
GroupQueryRotary<T> rotary_of(GroupQuery<T>& g, const GroupQueryInputs<T>& in, const GroupQueryAttributes& a) {
  GroupQueryRotary<T> r;
  if (!a.do_rotary) return r;
  if (!in.cos_cache.given() || !in.sin_cache.given())
    fail(in.cos_cache.given() ? "sin_cache" : "cos_cache", "is not given", "it has to be, as do_rotary is set");
  const Index rows = in.cos_cache.dim(0), pairs = in.cos_cache.dim(-1), n = g.q.length();
  const auto* const cosines = r.take(in.cos_cache, "cos_cache", rows, pairs, g.q.dim() / 2, r.cosines);
  const auto* const sines = r.take(in.sin_cache, "sin_cache", rows, pairs, g.q.dim() / 2, r.sines);
  r.angles = {cosines, sines, pairs, a.rotary_interleaved};
  const Tensor<const std::int64_t>& ids = in.position_ids;
  if (ids.given()) {
    check_rank(ids, "position_ids", 2);
    check_size("position_ids", "batch_size", ids.dim(0), g.q.batch(), ", as in query");
    check_size("position_ids", "sequence_length", ids.dim(1), n, ", as in query");
  }
  for (Index b = 0; b < g.q.batch(); ++b)
    for (Index i = 0; i < n; ++i) {
      const std::size_t at = static_cast<std::size_t>(b);
      const bool padding = i >= g.fresh[at];  // is turned by any row
      const Index row = padding ? 0 : ids.given() ? ids.data[b * ids.step(0) + i * ids.step(1)] : g.before[at] + i;
      if (row < 0 || row >= rows)
        fail(ids.given() ? "position_ids" : "cos_cache", {"position ", row, " of sequence ", b, " has no row"},
             {"there are ", rows, " rows, from 0 on"});
      g.rows.push_back(row);
    }
  return r;
}

/// The new keys or values of a sequence to their places in the present, behind the past; keys are turned on the way.
template <class T>
void take_in(const GroupQuery<T>& g, const View<const T>& past, const View<const T>& fresh, const View<T>& present,
             const compat::detail::Angles<computed_t<T>>* angles, const Options& o) {
  const bool there = in_place<T>(past, present);
  for (Index b = 0; b < fresh.batch(); ++b) {
    const std::size_t at = static_cast<std::size_t>(b);
    const Index before = g.before[at], count = g.fresh[at];
    const auto part = [&](auto view, Index first, Index length) {
      view.data = view.row(b, 0, first);
      view.extent[0] = 1, view.extent[2] = length;
      return view;
    };
    if (!there && before > 0) compat::detail::copy_positions(part(past, 0, before), part(present, 0, before));
    if (count == 0) continue;
    const View<T> to = part(present, before, count);
    if (angles == nullptr) {
      compat::detail::copy_positions(part(fresh, 0, count), to);
      continue;
    }
    Buffer<computed_t<T>> turned(part(fresh, 0, count));
    const auto rows = row_major(g.rows.data() + b * fresh.length(), 1, count);
    compat::detail::turn<computed_t<T>>(turned.view(), turned.view(), *angles, rows, o.executor, o.isa);
    compat::detail::copy_positions(turned.view(), to);
  }
}

/// Logits of the sinks, of what is computed in: head_sink, zeros for a smooth softmax, or none.
template <class T> std::vector<computed_t<T>> sinks_of(const GroupQueryInputs<T>& in, const GroupQueryAttributes& a) {
  std::vector<computed_t<T>> logits;
  if (in.head_sink.given()) {
    check_rank(in.head_sink, "head_sink", 1);
    check_size("head_sink", "its size", in.head_sink.dim(0), a.num_heads, ", which is num_heads");
    rapt::detail::check_pointer(in.head_sink.data, "head_sink");
    for (Index h = 0; h < a.num_heads; ++h)
      logits.push_back(rapt::detail::widened(in.head_sink.data[h * in.head_sink.step(0)]));
  } else if (a.smooth_softmax) {
    logits.assign(static_cast<std::size_t>(a.num_heads), computed_t<T>(0));
  }
  return logits;
}

}  // namespace detail

/// GroupQueryAttention: new tokens of each sequence go into the present, behind those of its past, and attend,
/// causally, to all of them. T is float, double, Eigen::half or Eigen::bfloat16.
///
/// - seqlens_k has the last position of each sequence, its length with the new tokens less 1.
/// - A prompt (total_sequence_length is the length of query) may be padded on the right; outputs of padding are 0. In
///   other calls all tokens are new.
/// - Past and present may be one buffer, of max positions: then only the new tokens are written. Where they are two,
///   what lies behind a sequence's end in the present is left as it is.
/// - local_window_size counts the token itself. softcap comes before attention_bias. A sink has no value.
/// - head_sink and smooth_softmax exclude each other, as the latter is a head_sink of 0.
///
/// Keys and values are read in the present, of 16 bits too; queries are turned into memory of the call.
///
/// Throws std::invalid_argument, before anything is written, which names the input or attribute as ONNX Runtime does.
/// Source: docs/ContribOperators.md and contrib_ops/cpu/bert/gqa_attention_base.h of github.com/microsoft/onnxruntime.
template <class T>
void group_query_attention(const GroupQueryInputs<T>& inputs, const GroupQueryAttributes& attributes,
                           const GroupQueryOutputs<T>& outputs, const Options& options = {}) {
  if constexpr (detail::takes<T>()) {
    using C = detail::computed_t<T>;
    detail::GroupQuery<T> g = detail::shapes_of(inputs, attributes, outputs);
    detail::take_lengths(g, inputs);
    detail::check_memory(g, inputs);
    const detail::GroupQueryRotary<T> rotary = detail::rotary_of(g, inputs, attributes);
    if (inputs.head_sink.given() && attributes.smooth_softmax)
      detail::fail("smooth_softmax", "is set, and so is head_sink", "it has to be one or the other");
    const std::int64_t window = attributes.local_window_size;
    if (window < -1 || window == 0 || window >= rapt::detail::max_length)
      detail::fail("local_window_size", {"is ", window}, "it has to be 1 or more, or -1 for all");
    const std::vector<C> sinks = detail::sinks_of(inputs, attributes);
    const detail::AttentionBias<T> bias(inputs.attention_bias, g.q.batch(), g.q.heads(), g.q.length(),
                                        inputs.total_sequence_length);
    const auto score = rapt::when(attributes.softcap != 0, rapt::softcap(attributes.softcap)) | bias.stage() |
                       Band{window < 0 ? Band::unbounded : static_cast<std::int32_t>(window - 1), 0} |
                       rapt::when(!sinks.empty(), sinks.empty() ? HeadSinks<C>{} : rapt::sinks(sinks));

    compat::detail::Buffer<C> queries(g.q);
    detail::Computed<T> computed(g.out);
    auto plan = rapt::plan(
        rapt::padded(View<const C>(queries.view()), g.fresh), rapt::padded(View<const T>(g.present_k), g.total),
        rapt::padded(View<const T>(g.present_v), g.total), rapt::padded(computed.view, g.fresh), score,
        rapt::Options<C>{.scale = detail::scale_of(attributes.scale, g.q.dim()),
                         .executor = options.executor,
                         .workspace = options.workspace,
                         .isa = options.isa});
    if (rotary.on())
      compat::detail::turn<C>(queries.view(), queries.view(), rotary.angles,
                              row_major(g.rows.data(), g.q.batch(), g.q.length()), options.executor, options.isa);
    detail::take_in<T>(g, g.past_k, g.k, g.present_k, rotary.on() ? &rotary.angles : nullptr, options);
    detail::take_in<T>(g, g.past_v, g.v, g.present_v, nullptr, options);
    plan.run();
    for (Index b = 0; b < g.q.batch(); ++b)
      detail::fill_rows(computed.view, b, g.fresh[static_cast<std::size_t>(b)], g.q.length());
    computed.round_to(g.out);
  }
}

}  // namespace compat::onnxruntime
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
