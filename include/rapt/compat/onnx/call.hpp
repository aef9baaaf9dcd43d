// What a call to ONNX Attention is made of: its inputs, attributes and outputs by their names in the specification.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>
#include <optional>

#include "rapt/compat/call.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::onnx {

/// Which text of the specification holds. Attention was corrected without a new opset: by ONNX 1.22 (onnx/onnx#7867 and
/// #7913) and 1.23 (#8068). Models of any age are meant to be run as corrected; the other one is for whoever compares
/// with expected outputs that ONNX 1.18 to 1.21 made, those in its releases' own backend tests included. (The first of
/// these also split three dimensions into heads, and repeated grouped heads, in an order that no text had: not here.)
///
///                                  corrected                          as_released
///     order                        softcap, then mask                 mask, then softcap, so that what is masked has
///                                                                     a score of −softcap and gets a weight
///     qk_matmul_output_mode 1      after softcap                      after the mask
///     qk_matmul_output_mode 2      after the mask                     after softcap
///     causal, nonpad_kv_seqlen     query i at nonpad − q_len + i      query i at i
enum class Errata { corrected, as_released };

/// Of all of ONNX's operators here.
struct Options {
  int opset = 25;                     ///< of the model: 23, 24 or 25
  Errata errata = Errata::corrected;  ///< of Attention
  Executor* executor = nullptr;       ///< whose threads to use; the calling one if null
  Workspace* workspace = nullptr;     ///< the memory to work in; allocated for this call if null
  std::optional<Isa> isa{};           ///< the instruction set to use; active_isa() if unset
};

using compat::AttnMask;

template <class T> struct AttentionInputs {
  Tensor<const T> Q{};           ///< [batch, q_len, q_num_heads · head] or [batch, q_num_heads, q_len, head]
  Tensor<const T> K{};           ///< [batch, kv_len, kv_num_heads · head] or [batch, kv_num_heads, kv_len, head]
  Tensor<const T> V{};           ///< the same with v_head
  AttnMask<T> attn_mask{};       ///< broadcasts to [batch, q_num_heads, q_len, total], total = past_len + kv_len
  Tensor<const T> past_key{};    ///< [batch, kv_num_heads, past_len, head]
  Tensor<const T> past_value{};  ///< [batch, kv_num_heads, past_len, v_head]
  Tensor<const std::int64_t> nonpad_kv_seqlen{};  ///< [batch]; opset 24
};

struct AttentionAttributes {
  bool is_causal = false;
  std::optional<std::int64_t> kv_num_heads{};  ///< has to be set for three dimensions
  std::optional<std::int64_t> q_num_heads{};   ///< the same
  int qk_matmul_output_mode = 0;               ///< 0 to 3: see Errata
  std::optional<double> scale{};               ///< 1/sqrt(head) if unset
  double softcap = 0;                          ///< 0: none
  /// Of TensorProto: 1 (float), 10 (float16), 11 (double) or 16 (bfloat16). Never less than float, whatever is asked
  /// for, and no more than what the call computes in: float for floats and 16 bits.
  std::optional<int> softmax_precision{};
  std::int64_t left_window_size = -1;   ///< keys before the query's position that it attends to; −1: all. Opset 25
  std::int64_t right_window_size = -1;  ///< and after it
};

template <class T> struct AttentionOutputs {
  Tensor<T> Y{};                 ///< as Q, with v_head
  Tensor<T> present_key{};       ///< [batch, kv_num_heads, total, head]; if wanted
  Tensor<T> present_value{};     ///< [batch, kv_num_heads, total, v_head]; if wanted
  Tensor<T> qk_matmul_output{};  ///< [batch, q_num_heads, q_len, total]; if wanted
};

}  // namespace compat::onnx
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
