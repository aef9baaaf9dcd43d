// What an attention layer is made of besides its config.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <span>
#include <string>

#include "rapt/core/error.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/layer/config.hpp"
#include "rapt/linear/checks.hpp"

RAPT_NAMESPACE_BEGIN

/// The weights of a layer, by view: matrices [out, in] as torch.nn.Linear has them, with any strides. (GPT-2's are
/// [in, out]: pass column_major(w, out, in).) Where a model keeps q, k and v in one matrix, pass its rows.
template <class T> struct LayerWeights {
  MatrixView<const T> q{};  ///< [num_heads · head_dim, hidden_size]
  MatrixView<const T> k{};  ///< [num_kv_heads · head_dim, hidden_size, or memory_size in cross-attention]
  MatrixView<const T> v{};  ///< [num_kv_heads · value_dim, the same]
  MatrixView<const T> o{};  ///< [hidden_size, num_heads · value_dim]
  std::span<const T> q_bias{}, k_bias{}, v_bias{}, o_bias{};  ///< [out], where the config has one
  std::span<const T> q_norm{}, k_norm{};                      ///< [head_dim], where the config has a qk_norm
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

/// `c` as checked_config() returns it.
template <class T> void check_weights(const LayerWeights<T>& w, const LayerConfig& c) {
  const char *const q = "the config: num_heads * head_dim", *const k = "the config: num_kv_heads * head_dim",
                    *const v = "the config: num_kv_heads * value_dim", *const o = "the config: num_heads * value_dim",
                    *const hidden = "the config: hidden_size", *const dim = "the config: head_dim";
  const Index source = c.memory_size != 0 ? c.memory_size : c.hidden_size;
  const char* const source_like = c.memory_size != 0 ? "the config: memory_size" : hidden;
  check_weight("weights.q", w.q, c.q_size(), q, c.hidden_size, hidden);
  check_weight("weights.k", w.k, c.k_size(), k, source, source_like);
  check_weight("weights.v", w.v, c.v_size(), v, source, source_like);
  check_weight("weights.o", w.o, c.hidden_size, hidden, c.o_size(), o);
  check_vector("weights.q_bias", w.q_bias, c.q_bias, c.q_size(), q);
  check_vector("weights.k_bias", w.k_bias, c.k_bias, c.k_size(), k);
  check_vector("weights.v_bias", w.v_bias, c.v_bias, c.v_size(), v);
  check_vector("weights.o_bias", w.o_bias, c.o_bias, c.hidden_size, hidden);
  check_vector("weights.q_norm", w.q_norm, c.qk_norm != QkNorm::none, c.head_dim, dim);
  check_vector("weights.k_norm", w.k_norm, c.qk_norm != QkNorm::none, c.head_dim, dim);
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
