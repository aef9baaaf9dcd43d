// What an attention layer is made of besides its config.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <span>
#include <string>
#include <vector>

#include "rapt/core/error.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/layer/config.hpp"
#include "rapt/linear/checks.hpp"

RAPT_NAMESPACE_BEGIN

/// The weights of a layer, by view: matrices [out, in] as torch.nn.Linear has them, with any strides. (GPT-2's are
/// [in, out]: pass column_major(w, out, in).) Where a model keeps q, k and v in one matrix, pass its rows.
template <class T> struct LayerWeights {
  MatrixView<const T>
      q{};  ///< [num_heads · head_dim, hidden_size]; with a gate in q, [num_heads · (head_dim + value_dim), …]
  MatrixView<const T> k{};     ///< [num_kv_heads · head_dim, hidden_size, or memory_size in cross-attention]
  MatrixView<const T> v{};     ///< [num_kv_heads · value_dim, the same]
  MatrixView<const T> o{};     ///< [hidden_size, num_heads · value_dim]
  MatrixView<const T> gate{};  ///< [num_heads · value_dim, hidden_size], where the config has a separate output_gate
  std::span<const T> q_bias{}, k_bias{}, v_bias{}, o_bias{};  ///< [out], where the config has one
  std::span<const T> q_norm{}, k_norm{};  ///< [head_dim], where the config has a qk_norm; or of all heads
};

namespace detail {

template <class T>
void check_weight(const char* name, const MatrixView<const T>& weight, Index rows, const char* rows_like, Index columns,
                  const char* columns_like) {
  check_matrix(weight, name);
  check_same(name, "the number of rows", weight.rows, rows, rows_like);
  check_same(name, "the number of columns", weight.columns, columns, columns_like);
}

/// A vector that the config either has or has not.
template <class T>
void check_vector(const char* name, std::span<const T> vector, bool wanted, Index size, const char* like) {
  if (!wanted) {
    if (!vector.empty())
      fail(name, "has " + std::to_string(vector.size()) + " numbers", "it has to be empty, as the config has none");
    return;
  }
  check_same(name, "its size", static_cast<Index>(vector.size()), size, like);
  check_pointer(vector.data(), name);
}

/// The rows of queries and of gates, where a matrix has for each head those of its queries and then those of its gate:
/// copies, as such rows are not evenly spaced.
template <class T> struct SplitQueries {
  std::vector<T> q, gate, q_bias, gate_bias;
  Index columns;

  SplitQueries(const MatrixView<const T>& weight, std::span<const T> bias, const LayerConfig& c)
      : columns(weight.columns) {
    const Index rows = c.head_dim + c.value_dim;
    for (Index r = 0; r < weight.rows; ++r) {
      const bool of_queries = r % rows < c.head_dim;
      for (Index i = 0; i < columns; ++i) (of_queries ? q : gate).push_back(weight(r, i));
      if (!bias.empty()) (of_queries ? q_bias : gate_bias).push_back(bias[static_cast<std::size_t>(r)]);
    }
  }
  MatrixView<const T> q_rows(const LayerConfig& c) const { return row_major(q.data(), c.q_size(), columns); }
  MatrixView<const T> gate_rows(const LayerConfig& c) const { return row_major(gate.data(), c.o_size(), columns); }
};

/// A matrix that the config has not.
template <class T> void check_absent(const char* name, const MatrixView<const T>& weight, const char* why) {
  if (weight.data != nullptr) fail(name, {"has ", weight.rows, " rows"}, {"it has to be empty, as the config ", why});
}

/// `c` as checked_config() returns it.
template <class T> void check_weights(const LayerWeights<T>& w, const LayerConfig& c) {
  const bool gated = c.output_gate == OutputGate::in_q,
             normed = c.qk_norm != QkNorm::none && c.qk_norm != QkNorm::unweighted;
  const char *const q = gated ? "the config: num_heads * (head_dim + value_dim), as its output_gate is in q"
                              : "the config: num_heads * head_dim",
                    *const k = "the config: num_kv_heads * head_dim", *const v = "the config: num_kv_heads * value_dim",
                    *const o = "the config: num_heads * value_dim", *const hidden = "the config: hidden_size",
                    *const dim = c.qk_norm == QkNorm::weight_all_heads ? "the config: head_dim of all heads"
                                                                       : "the config: head_dim";
  const Index source = c.memory_size != 0 ? c.memory_size : c.hidden_size,
              q_rows = c.q_size() + (gated ? c.o_size() : 0);
  const char* const source_like = c.memory_size != 0 ? "the config: memory_size" : hidden;
  check_weight("weights.q", w.q, q_rows, q, c.hidden_size, hidden);
  if (c.shares_kv) {
    check_absent("weights.k", w.k, "has another layer's keys: shares_kv");
    check_absent("weights.v", w.v, "has another layer's values: shares_kv");
  } else {
    check_weight("weights.k", w.k, c.k_size(), k, source, source_like);
    check_weight("weights.v", w.v, c.v_size(), v, source, source_like);
  }
  check_weight("weights.o", w.o, c.hidden_size, hidden, c.o_size(), o);
  if (c.output_gate == OutputGate::separate)
    check_weight("weights.gate", w.gate, c.o_size(), o, c.hidden_size, hidden);
  else
    check_absent("weights.gate", w.gate, "has no separate output_gate");
  check_vector("weights.q_bias", w.q_bias, c.q_bias, q_rows, q);
  check_vector("weights.k_bias", w.k_bias, c.k_bias, c.k_size(), k);
  check_vector("weights.v_bias", w.v_bias, c.v_bias, c.v_size(), v);
  check_vector("weights.o_bias", w.o_bias, c.o_bias, c.hidden_size, hidden);
  check_vector("weights.q_norm", w.q_norm, normed, c.q_norm_size(), dim);
  check_vector("weights.k_norm", w.k_norm, normed && !c.shares_kv, c.k_norm_size(), dim);
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
