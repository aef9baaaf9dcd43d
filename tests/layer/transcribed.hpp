// A layer in scalar code: each step by the transcription of its contract.
#pragma once

#include "layer/layers.hpp"
#include "linear/projections.hpp"
#include "rapt/reference/rms_norm.hpp"
#include "rapt/reference/rope.hpp"

namespace rapt_test {

/// [tokens, out]: by the contract of projections.
template <class T>
std::vector<T> transcribed_rows(const std::vector<T>& x, const std::vector<T>& weight, const std::vector<T>& bias,
                                Index in, Index out) {
  Projection<T> p({static_cast<Index>(x.size()) / in, in, out});
  p.x = x;
  p.weight = weight;
  p.bias = bias;
  return transcribed(p);
}

/// Rows of so many heads, in place: by the contract of the norm.
template <class T> void transcribe_norm(std::vector<T>& rows, std::vector<T> weight, const LayerConfig& c) {
  if (c.qk_norm == QkNorm::none) return;
  if (c.qk_norm == QkNorm::unweighted) weight.assign(at(c.head_dim), T(1));
  if (c.qk_norm == QkNorm::one_plus_weight)
    for (T& w : weight) w = T(1) + w;
  for (std::size_t i = 0; i < rows.size(); i += weight.size()) {
    const std::span<T> row(rows.data() + i, weight.size());
    rapt::contract::rms_norm<T>(row, weight, static_cast<T>(c.norm_eps), row);
  }
}

/// Rows of queries and gates, head by head, become rows of queries; the gates' go by themselves.
template <class T> void split_gate(std::vector<T>& q, std::vector<T>& gate, const LayerConfig& c) {
  std::vector<T> queries;
  for (std::size_t i = 0; i < q.size(); ++i)
    (static_cast<Index>(i) % (c.head_dim + c.value_dim) < c.head_dim ? queries : gate).push_back(q[i]);
  q = queries;
}

/// What queries of x attend to: x itself, or a memory.
template <class T> std::vector<T> transcribed_layer(const Weights<T>& w, const States<T>& x, const States<T>& source) {
  const LayerConfig& c = w.config;
  std::vector<T> q = transcribed_rows(x.numbers, w.q, w.q_bias, x.size, w.q_rows()), gate;
  if (c.output_gate == OutputGate::in_q) split_gate(q, gate, c);
  if (c.output_gate == OutputGate::separate) gate = transcribed_rows(x.numbers, w.gate, {}, x.size, c.o_size());
  std::vector<T> k = transcribed_rows(source.numbers, w.k, w.k_bias, source.size, c.k_size());
  std::vector<T> v = transcribed_rows(source.numbers, w.v, w.v_bias, source.size, c.v_size());
  transcribe_norm(q, w.q_norm, c);
  transcribe_norm(k, w.k_norm, c);
  for (std::size_t i = 0; i < q.size() && c.query_scaling; ++i)
    q[i] *= static_cast<T>(c.query_scaling->factor(static_cast<Index>(i) / c.q_size() % x.length));
  const View<T> q_view = rapt::bshd(q.data(), x.batch, x.length, c.num_heads, c.head_dim);
  const View<T> k_view = rapt::bshd(k.data(), source.batch, source.length, c.num_kv_heads, c.head_dim);
  const View<T> v_view = rapt::bshd(v.data(), source.batch, source.length, c.num_kv_heads, c.value_dim);
  if (c.rope) {
    const rapt::rope::Table<T> table(*c.rope, c.max_positions);
    rapt::contract::rotate<T>(q_view, q_view, table);
    rapt::contract::rotate<T>(k_view, k_view, table);
  }
  std::vector<T> out(at(x.batch * x.length * c.o_size()));
  const View<T> out_view = rapt::bshd(out.data(), x.batch, x.length, c.num_heads, c.value_dim);
  const Mask mask = !c.causal       ? Mask(rapt::Plain{})
                    : c.window == 0 ? Mask(rapt::causal())
                                    : Mask(rapt::window(c.window - 1, 0));
  std::visit(
      [&](const auto& score) {
        rapt::contract::attention(q_view, k_view, v_view, out_view, score, Options<T>{.scale = c.scale});
      },
      mask);
  for (std::size_t i = 0; i < gate.size(); ++i) out[i] = rapt::contract::gated(out[i], gate[i]);
  return transcribed_rows(out, w.o, w.o_bias, c.o_size(), c.hidden_size);
}

}  // namespace rapt_test
