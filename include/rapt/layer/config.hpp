// What an attention layer is: its extents, and what it does to queries and keys.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>
#include <optional>
#include <string>

#include "rapt/core/error.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/core/logarithm.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/types.hpp"
#include "rapt/rope/spec.hpp"

RAPT_NAMESPACE_BEGIN

/// An RMSNorm of queries and keys, before they are rotated: of each head's, or of all heads' of a token together.
enum class QkNorm {
  none,
  weight,            ///< of each head, multiplied with the weights [head_dim]: Qwen 3
  one_plus_weight,   ///< the same with 1 + the weights, a sum that is rounded to the element type: Gemma 3
  unweighted,        ///< of each head, without weights: Llama 4
  weight_all_heads,  ///< of all heads at once, with weights [num_heads · head_dim]: OLMo 2, MiniMax-M2
};

/// What attention has come to, multiplied with the sigmoid of a projection of the same hidden states, number by number,
/// before the output projection.
enum class OutputGate {
  none,
  separate,  ///< weights.gate is [num_heads · value_dim, hidden_size]
  in_q,      ///< weights.q has for each head the rows of its queries, and then those of its gate: Qwen3-Next
};

/// A factor for each query by the position of its token, counted from 0, in self-attention: with longer contexts the
/// scores of many keys flatten the softmax. Queries are multiplied with it, rounded to the element type, before they
/// are rotated. Its logarithm is the contract's, in double.
struct QueryScaling {
  enum class Kind { steps, log_n } kind;
  double coefficient;
  double length;

  /// 1 + coefficient · log(1 + floor((position + 1) / length)): attn_scale and floor_scale of Llama 4's config.json.
  static constexpr QueryScaling steps(double coefficient = 0.1, double length = 8192) {
    return {Kind::steps, coefficient, length};
  }
  /// log(position + 1) / log(length) beyond `length` positions, those that a model was trained with, and 1 within them
  /// (Su 2021; Qwen's use_logn_attn).
  static constexpr QueryScaling log_n(double length) { return {Kind::log_n, 1, length}; }

  double factor(Index position) const {
    const double n = static_cast<double>(position + 1);
    if (kind == Kind::log_n) return n <= length ? 1 : detail::logarithm(n) / detail::logarithm(length);
    return 1 + coefficient * detail::logarithm(1 + std::floor(n / length));
  }
};

/// An attention layer, without its weights: a plain value, made by hand or by one of `presets`, and changed at will.
/// Names are those of the models' config.json where there is one.
struct LayerConfig {
  Index hidden_size = 0;   ///< of what goes in and of what comes out
  Index num_heads = 0;     ///< of queries
  Index num_kv_heads = 0;  ///< divides num_heads; num_heads if 0
  Index head_dim = 0;      ///< of queries and keys; hidden_size / num_heads if 0
  Index value_dim = 0;     ///< of a head's values; head_dim if 0

  /// Makes it a layer of cross-attention: the hidden size of the memory (an encoder's states) that keys and values are
  /// made of. 0 is self-attention. Cross-attention takes neither a rope, nor causal, nor a window.
  Index memory_size = 0;

  /// Makes it a layer without keys and values of its own: its queries attend to those that another layer has put into
  /// its cache (num_kv_shared_layers of Gemma 3n and 4; YOCO, Sun et al. 2024, arXiv:2405.05254). It has no weights.k,
  /// weights.v and weights.k_norm.
  bool shares_kv = false;

  bool q_bias = false, k_bias = false, v_bias = false, o_bias = false;  ///< which projections have one

  QkNorm qk_norm = QkNorm::none;
  double norm_eps = 1e-6;  ///< of qk_norm

  OutputGate output_gate = OutputGate::none;
  std::optional<QueryScaling> query_scaling{};  ///< none if unset

  std::optional<rope::Spec> rope{};  ///< how queries and keys are turned by their positions; not at all if unset
  Index max_positions = 0;           ///< positions that the rotary table is made for, from 0 on; needed with a rope

  bool causal = true;             ///< each query attends to its own position and those before; if not, to all
  Index window = 0;               ///< keys that a query attends to, its own and those before it; all if 0. With causal
  std::optional<double> scale{};  ///< what scores are multiplied with; 1/sqrt(head_dim) if unset
  double softcap = 0;             ///< none if 0; else the layer's score has to be a softcap of this (or contain one)

  /// Width of all the queries, keys and values of a token, in numbers. Of a config whose fields are all set, as a layer
  /// returns it.
  Index q_size() const { return num_heads * head_dim; }
  Index k_size() const { return num_kv_heads * head_dim; }
  Index v_size() const { return num_kv_heads * value_dim; }
  Index o_size() const { return num_heads * value_dim; }  ///< what the output projection takes
  /// Numbers that a norm of queries, and of keys, goes over.
  Index q_norm_size() const { return qk_norm == QkNorm::weight_all_heads ? q_size() : head_dim; }
  Index k_norm_size() const { return qk_norm == QkNorm::weight_all_heads ? k_size() : head_dim; }
};

namespace detail {

/// hidden_size / num_heads, if there is no head_dim.
inline Index head_dim_of(const LayerConfig& c) {
  if (c.head_dim != 0) return c.head_dim;
  if (c.hidden_size % c.num_heads != 0)
    fail("config", "hidden_size is " + std::to_string(c.hidden_size),
         "it has to be a multiple of num_heads, " + std::to_string(c.num_heads) + ", if head_dim is not set");
  return c.hidden_size / c.num_heads;
}

inline void check_extents(const LayerConfig& c) {
  const auto check = [](const char* what, Index is, Index least) {
    require(is >= least && is < max_length, "config", what, is,
            least == 1 ? "it has to be from 1 to 2^30 - 1" : "it has to be from 0 to 2^30 - 1");
  };
  check("hidden_size", c.hidden_size, 1);
  check("num_heads", c.num_heads, 1);
  check("num_kv_heads", c.num_kv_heads, 0);
  check("head_dim", c.head_dim, 0);
  check("value_dim", c.value_dim, 0);
  check("memory_size", c.memory_size, 0);
  check("max_positions", c.max_positions, 0);
  check("window", c.window, 0);
}

inline void check_products(const LayerConfig& c) {
  if (c.num_heads % c.num_kv_heads != 0)
    fail("config", "num_kv_heads is " + std::to_string(c.num_kv_heads),
         "it has to divide num_heads, " + std::to_string(c.num_heads));
  for (const Index size : {c.q_size(), c.o_size()})
    require(size < max_length, "config", "num_heads times the larger of head_dim and value_dim", size,
            "it has to be less than 2^30");
}

inline void check_positions_of(const LayerConfig& c) {
  if (c.memory_size != 0) {
    const char* const set = c.rope            ? "rope"
                            : c.causal        ? "causal"
                            : c.window != 0   ? "window"
                            : c.query_scaling ? "query_scaling"
                            : c.shares_kv     ? "shares_kv"
                                              : nullptr;
    if (set != nullptr)
      fail("config", std::string(set) + " is set", "it has to be unset in cross-attention: memory_size is set");
  }
  if (c.window != 0 && !c.causal)
    fail("config", "window is " + std::to_string(c.window),
         "it has to be 0 without causal: a window to both sides is a score, rapt::window(left, right)");
  if (!c.rope) return;
  check_spec(*c.rope);
  if (c.rope->offset + c.rope->rotary_dim() > c.head_dim)
    fail("config", "rope rotates dims up to " + std::to_string(c.rope->offset + c.rope->rotary_dim() - 1),
         "they have to be within head_dim, " + std::to_string(c.head_dim));
}

/// Throws std::invalid_argument unless a layer can be made of it; returns it with no extent left 0.
inline LayerConfig checked_config(LayerConfig c) {
  check_extents(c);
  if (c.num_kv_heads == 0) c.num_kv_heads = c.num_heads;
  c.head_dim = head_dim_of(c);
  if (c.value_dim == 0) c.value_dim = c.head_dim;
  check_products(c);
  check_positions_of(c);
  require_number(c.norm_eps >= 0 && ieee::is_finite(c.norm_eps), "config", "norm_eps", c.norm_eps,
                 "it has to be finite, and 0 or more");
  require_number(c.softcap >= 0 && ieee::is_finite(c.softcap), "config", "softcap", c.softcap,
                 "it has to be finite, and 0 or more");
  if (c.query_scaling) {
    const QueryScaling& q = *c.query_scaling;
    require_number(ieee::is_finite(q.coefficient), "config", "query_scaling.coefficient", q.coefficient,
                   "it has to be finite");
    const double least = q.kind == QueryScaling::Kind::log_n ? 2 : 1;
    require_number(q.length >= least && ieee::is_finite(q.length), "config", "query_scaling.length", q.length,
                   least == 2 ? "it has to be 2 or more, and finite" : "it has to be 1 or more, and finite");
  }
  if (c.shares_kv && (c.k_bias || c.v_bias))
    fail("config", c.k_bias ? "k_bias is set" : "v_bias is set", "it has to be unset, as shares_kv is set");
  if (c.scale) require_number(ieee::is_finite(*c.scale), "config", "scale", *c.scale, "it has to be finite");
  return c;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
