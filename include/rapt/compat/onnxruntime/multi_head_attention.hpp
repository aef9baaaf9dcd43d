// com.microsoft MultiHeadAttention.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "rapt/compat/onnxruntime/tensors.hpp"
#include "rapt/compat/reach.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::onnxruntime {

/// Of MultiHeadAttention, by their names there.
template <class T> struct MultiHeadInputs {
  Tensor<const T> query{};  ///< [batch, seq, hidden]; or packed, [batch, seq, num_heads, 3, head_size]
  Tensor<const T> key{};    ///< [batch, kv_seq, hidden], packed [batch, kv_seq, num_heads, 2, head_size], or a
                            ///< cross-attention's cache [batch, num_heads, kv_seq, head_size]
  Tensor<const T> value{};  ///< [batch, kv_seq, v_hidden], or the same of a cache; not given if key is packed
  Tensor<const T> bias{};   ///< [hidden + hidden + v_hidden]: added to query, key and value
  Tensor<const std::int32_t> key_padding_mask{};  ///< [batch]: valid keys; or [batch, total]: 0 masks
  Tensor<const T> attention_bias{};               ///< [batch or 1, num_heads or 1, seq, total]
  Tensor<const T> past_key{}, past_value{};       ///< [batch, num_heads, past, head_size], or none
};

struct MultiHeadAttributes {
  std::int64_t num_heads = 0;
  double scale = 0;                   ///< 1/sqrt(head_size) if 0
  double mask_filter_value = -10000;  ///< added to the score of a key that key_padding_mask masks
  bool unidirectional = false;        ///< a token attends to those before it, and to itself
};

template <class T> struct MultiHeadOutputs {
  Tensor<T> output{};                        ///< [batch, seq, v_hidden]
  Tensor<T> present_key{}, present_value{};  ///< [batch, num_heads, total, head_size], or none; needed with a past
};

namespace detail {

/// Adds a number to the scores of masked keys. They are not left out: a row all of whose keys are masked is, as it is
/// there, that of its scores.
struct KeyFilter {
  const std::int32_t* numbers = nullptr;  // lengths [batch], or a mask [batch][keys]
  Index batch_step = 0, key_step = 0;     // of a mask; 0 for lengths
  bool lengths = false;
  double value = 0;

  bool masks(Coord c) const {
    if (lengths) return c.key >= numbers[c.batch * batch_step];
    return numbers[c.batch * batch_step + c.key * key_step] == 0;
  }
  template <class C> C change(C score, Coord c) const { return masks(c) ? score + static_cast<C>(value) : score; }
  std::string describe() const { return "key_padding_mask"; }
};

/// [batch, seq, num_heads, parts, head_size]: one of the parts.
template <class T> View<T> part_of(const Tensor<T>& t, const char* name, Index heads, Index parts, Index part) {
  check_rank(t, name, 5);
  check_size(name, "the number of heads", t.dim(2), heads, ", which is num_heads");
  check_size(name, "its fourth size", t.dim(3), parts, parts == 3 ? ": q, k and v" : ": k and v");
  View<T> v{t.data, {t.dim(0), heads, t.dim(1), t.dim(4)}, {t.step(0), t.step(2), t.step(1), t.step(4)}};
  if (t.data != nullptr) v.data += part * t.step(3);
  rapt::detail::check_view(v, name, "head_size");
  return v;
}

template <class T> struct MultiHead {
  View<const T> q, k, v, past_k, past_v;
  View<T> out, present_k, present_v;
  Index past = 0, total = 0;
};

template <class T>
MultiHead<T> shapes_of(const MultiHeadInputs<T>& in, const MultiHeadAttributes& a, const MultiHeadOutputs<T>& out) {
  if (a.num_heads < 1) fail("num_heads", {"is ", a.num_heads}, "it has to be 1 or more");
  MultiHead<T> m;
  const bool packed_q = in.query.rank == 5, packed_k = in.key.rank == 5, cached = in.key.rank == 4;
  if (packed_q || packed_k) {
    if (in.value.given() || (packed_q && in.key.given()))
      fail(in.value.given() ? "value" : "key", "is given",
           packed_q ? "it has to be in query, which is packed" : "it has to be in key, which is packed");
  } else if (!in.key.given() || !in.value.given()) {
    fail(in.key.given() ? "value" : "key", "is not given", "it has to be, as neither query nor key is packed");
  }
  m.q = packed_q ? part_of(in.query, "query", a.num_heads, 3, 0) : heads_of(in.query, "query", a.num_heads);
  m.k = packed_q   ? part_of(in.query, "query", a.num_heads, 3, 1)
        : packed_k ? part_of(in.key, "key", a.num_heads, 2, 0)
        : cached   ? bnsh(in.key, "key")
                   : heads_of(in.key, "key", a.num_heads);
  m.v = packed_q   ? part_of(in.query, "query", a.num_heads, 3, 2)
        : packed_k ? part_of(in.key, "key", a.num_heads, 2, 1)
        : cached   ? bnsh(in.value, "value")
                   : heads_of(in.value, "value", a.num_heads);
  if (cached && (in.past_key.given() || in.bias.given()))
    fail(in.past_key.given() ? "past_key" : "bias", "is given",
         "it has to be left out where key is a cache of four dimensions");
  for (const auto& [view, name] : {std::pair{m.k, "key"}, std::pair{m.v, "value"}}) {
    check_size(name, "batch_size", view.batch(), m.q.batch(), ", as in query");
    check_size(name, "the number of heads", view.heads(), a.num_heads, ", which is num_heads");
    check_size(name, "kv_sequence_length", view.length(), m.k.length(), ", as in key");
  }
  check_size("key", "head_size", m.k.dim(), m.q.dim(), ", as in query");
  m.out = heads_of(out.output, "output", a.num_heads);
  check_size("output", "batch_size", m.out.batch(), m.q.batch(), ", as in query");
  check_size("output", "sequence_length", m.out.length(), m.q.length(), ", as in query");
  check_size("output", "head_size", m.out.dim(), m.v.dim(), ", as in value");
  if (in.past_key.given() != in.past_value.given())
    fail(in.past_key.given() ? "past_value" : "past_key", "is not given", "past_key and past_value go together");
  if (in.past_key.given()) {
    m.past_k = bnsh(in.past_key, "past_key"), m.past_v = bnsh(in.past_value, "past_value");
    check_cache<T>(m.past_k, "past_key", m.q.batch(), a.num_heads, m.k.dim());
    check_cache<T>(m.past_v, "past_value", m.q.batch(), a.num_heads, m.v.dim());
    check_size("past_value", "its length", m.past_v.length(), m.past_k.length(), ", as in past_key");
    m.past = m.past_k.length();
  }
  m.total = m.past + m.k.length();
  if (out.present_key.given() != out.present_value.given() || (m.past > 0 && !out.present_key.given()))
    fail(out.present_key.given() ? "present_value" : "present_key", "is not given",
         "present_key and present_value go together, and with a past");
  if (out.present_key.given()) {
    m.present_k = bnsh(out.present_key, "present_key"), m.present_v = bnsh(out.present_value, "present_value");
    check_cache<T>(m.present_k, "present_key", m.q.batch(), a.num_heads, m.k.dim());
    check_cache<T>(m.present_v, "present_value", m.q.batch(), a.num_heads, m.v.dim());
    check_size("present_key", "its length", m.present_k.length(), m.total, ", that of the past and the new ones");
    check_size("present_value", "its length", m.present_v.length(), m.total, ", that of the past and the new ones");
  }
  return m;
}

/// A tensor of what is computed in, with the bias of its numbers, [heads · dim] from `first` on, added, if there is
/// one.
template <class T> Buffer<computed_t<T>> biased(const View<const T>& x, const Tensor<const T>& bias, Index first) {
  Buffer<computed_t<T>> sum(x.batch(), x.heads(), x.length(), x.dim());
  const View<computed_t<T>> to = sum.view();
  compat::detail::copy_positions(x, to);
  for (Index b = 0; b < x.batch() && bias.given(); ++b)
    for (Index h = 0; h < x.heads(); ++h)
      for (Index i = 0; i < x.length(); ++i)
        for (Index d = 0; d < x.dim(); ++d)
          to(b, h, i, d) += rapt::detail::widened(bias.data[(first + h * x.dim() + d) * bias.step(0)]);
  return sum;
}

template <class T> KeyFilter filter_of(const Tensor<const std::int32_t>& mask, const MultiHead<T>& m, double value) {
  if (!mask.given()) return {};
  if (!ieee::is_finite(value)) fail("mask_filter_value", {"is ", value}, "it has to be finite");
  if (mask.rank != 1) check_rank(mask, "key_padding_mask", 2);
  check_size("key_padding_mask", "batch_size", mask.dim(0), m.q.batch(), ", as in query: other masks are not taken");
  if (mask.rank == 2)
    check_size("key_padding_mask", "its last size", mask.dim(1), m.total, ", that of the past and the new keys");
  if (m.q.batch() > 0) rapt::detail::check_pointer(mask.data, "key_padding_mask");
  return {mask.data, mask.step(0), mask.rank == 2 ? mask.step(1) : 0, mask.rank == 1, value};
}

}  // namespace detail

/// MultiHeadAttention, of float, double, Eigen::half or Eigen::bfloat16.
///
/// - key_padding_mask doesn't leave keys out: mask_filter_value is added to their scores. With that of −10000, their
///   weights are 0 unless all keys of a row are masked; then they are those of the scores, less their last digits.
/// - Of masks, [batch] and [batch, total] are taken; those with offsets, or for each query, are refused: the latter is
/// an
///   attention_bias.
/// - unidirectional: query i attends to the keys up to past + i.
/// - Past and present may be one buffer, if their strides leave room: then only the new ones are written.
///
/// Keys and values are read where they are, but for those with a bias, which are summed in memory of the call.
///
/// Throws std::invalid_argument, before anything is written, which names the input or attribute as ONNX Runtime does.
/// Source: docs/ContribOperators.md and contrib_ops/cpu/bert/attention_cpu_base.h of github.com/microsoft/onnxruntime.
template <class T>
void multi_head_attention(const MultiHeadInputs<T>& inputs, const MultiHeadAttributes& attributes,
                          const MultiHeadOutputs<T>& outputs, const Options& options = {}) {
  if constexpr (detail::takes<T>()) {
    using C = detail::computed_t<T>;
    using compat::detail::named, compat::detail::copy_positions;
    const detail::MultiHead<T> m = detail::shapes_of(inputs, attributes, outputs);
    const View<const T> none{};
    compat::detail::check_apart(
        {named("output", m.out), named("present_key", m.present_k), named("present_value", m.present_v)},
        {named("query", m.q), named("key", m.k), named("value", m.v),
         named("past_key", detail::in_place<T>(m.past_k, m.present_k) ? none : m.past_k),
         named("past_value", detail::in_place<T>(m.past_v, m.present_v) ? none : m.past_v)});
    const Index q_size = m.q.heads() * m.q.dim(), v_size = m.v.heads() * m.v.dim();
    if (inputs.bias.given()) {
      detail::check_rank(inputs.bias, "bias", 1);
      detail::check_size("bias", "its size", inputs.bias.dim(0), 2 * q_size + v_size,
                         ", that of query, key and value together");
      rapt::detail::check_pointer(inputs.bias.data, "bias");
    }
    const detail::KeyFilter filter = detail::filter_of(inputs.key_padding_mask, m, attributes.mask_filter_value);
    const detail::AttentionBias<T> bias(inputs.attention_bias, m.q.batch(), m.q.heads(), m.q.length(), m.total);
    compat::detail::Reach reach;
    reach.right = attributes.unidirectional ? 0 : compat::detail::Reach::unbounded;
    reach.first = static_cast<std::int32_t>(m.past);
    const auto score = rapt::when(filter.numbers != nullptr, filter) | bias.stage() | reach;

    // Where the keys and values are read that attention is to: in the present, where they are, or in a copy with a
    // bias.
    compat::detail::Buffer<C> q = detail::biased(m.q, inputs.bias, 0), wide_k, wide_v;
    detail::Computed<T> computed(m.out);
    const bool kept = m.present_k.data != nullptr, summed = inputs.bias.given();
    if (summed) {
      wide_k = detail::biased(m.k, inputs.bias, q_size);
      wide_v = detail::biased(m.v, inputs.bias, 2 * q_size);
    }
    const rapt::Options<C> o{.scale = detail::scale_of(attributes.scale, m.q.dim()),
                             .executor = options.executor,
                             .workspace = options.workspace,
                             .isa = options.isa};
    const auto attend = [&](const auto& keys, const auto& values) {
      auto plan = rapt::plan(View<const C>(q.view()), keys, values, computed.view, score, o);
      if (kept) {
        const auto put = [&](const View<const T>& past, const auto& fresh, const View<T>& present) {
          if (!detail::in_place<T>(past, present)) copy_positions(past, present);
          copy_positions(fresh, present, past.length());
        };
        if (summed)
          put(m.past_k, wide_k.view(), m.present_k), put(m.past_v, wide_v.view(), m.present_v);
        else
          put(m.past_k, m.k, m.present_k), put(m.past_v, m.v, m.present_v);
      }
      plan.run();
    };
    if (kept)
      attend(View<const T>(m.present_k), View<const T>(m.present_v));
    else if (summed)
      attend(View<const C>(wide_k.view()), View<const C>(wide_v.view()));
    else
      attend(m.k, m.v);
    computed.round_to(m.out);
  }
}

}  // namespace compat::onnxruntime
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
