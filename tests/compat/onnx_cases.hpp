// The cases of ONNX's backend tests of Attention (onnx/backend/test/case/node/attention.py, up to ONNX 1.23): names,
// shapes and attributes, without their numbers.
#pragma once

#include <string>
#include <vector>

#include "compat/onnx_attention.hpp"

namespace rapt_test::onnx {

/// Opset 23's that come for several kinds of heads: as they are, grouped, and with values of another size.
inline void add_kinds(std::vector<Case>& cases, const std::string& middle, Case c) {
  for (const bool three : {false, true}) {
    c.three_dims = three;
    c.softcap = c.softcap != 0 ? (three ? 3.0 : 2.0) : 0;
    const std::string start = three ? "attention_3d" : "attention_4d";
    const std::string other = middle == "_with_past_and_present" ? "_diff_heads" : "_diff_heads_sizes";
    c.q_heads = 3, c.v_head = 8, c.name = start + middle;
    cases.push_back(c);
    c.q_heads = 9, c.v_head = 8, c.name = start + "_gqa" + middle;
    cases.push_back(c);
    c.q_heads = 3, c.v_head = 10, c.name = start + other + middle;
    cases.push_back(c);
  }
}

inline std::vector<Case> backend_cases() {
  std::vector<Case> cases;
  add_kinds(cases, "", {});
  add_kinds(cases, "_scaled", {.scale = 1e-2});
  add_kinds(cases, "_causal", {.causal = true});
  add_kinds(cases, "_attn_mask", {.mask_dims = {4, 6}});
  add_kinds(cases, "_softcap", {.softcap = 2});
  add_kinds(cases, "_with_past_and_present", {.past = 12, .mask_dims = {4, 18}});
  const std::vector<Case> more = {
      {.name = "attention_4d_attn_mask_3d", .mask_dims = {2, 1, 4, 6}},
      {.name = "attention_4d_attn_mask_3d_causal", .mask_dims = {2, 1, 4, 6}, .causal = true},
      {.name = "attention_4d_attn_mask_4d", .mask_dims = {2, 3, 4, 6}},
      {.name = "attention_4d_attn_mask_4d_causal", .mask_dims = {2, 3, 4, 6}, .causal = true},
      {.name = "attention_4d_attn_mask_bool", .mask_dims = {4, 6}, .bool_mask = true},
      {.name = "attention_4d_attn_mask_bool_4d", .mask_dims = {2, 3, 4, 6}, .bool_mask = true},
      {.name = "attention_4d_with_qk_matmul", .wants_qk = true},
      {.name = "attention_4d_with_qk_matmul_bias", .mask_dims = {4, 6}, .mode = 2, .wants_qk = true},
      {.name = "attention_4d_with_qk_matmul_softcap", .mask_dims = {4, 6}, .softcap = 2, .mode = 1, .wants_qk = true},
      {.name = "attention_4d_with_qk_matmul_softmax", .mask_dims = {4, 6}, .mode = 3, .wants_qk = true},
      {.name = "attention_4d_with_past_and_present_qk_matmul", .past = 12, .mask_dims = {4, 18}, .wants_qk = true},
      {.name = "attention_4d_with_past_and_present_qk_matmul_bias",
       .past = 12,
       .mask_dims = {4, 18},
       .mode = 2,
       .wants_qk = true},
      {.name = "attention_4d_with_past_and_present_qk_matmul_bias_3d_mask",
       .past = 12,
       .mask_dims = {2, 1, 4, 18},
       .mode = 2,
       .wants_qk = true},
      {.name = "attention_4d_with_past_and_present_qk_matmul_bias_4d_mask",
       .past = 12,
       .mask_dims = {2, 3, 4, 18},
       .mode = 2,
       .wants_qk = true},
      {.name = "attention_4d_with_past_and_present_qk_matmul_bias_3d_mask_causal",
       .past = 12,
       .mask_dims = {2, 1, 4, 18},
       .causal = true,
       .mode = 2,
       .wants_qk = true},
      {.name = "attention_4d_with_past_and_present_qk_matmul_bias_4d_mask_causal",
       .past = 12,
       .mask_dims = {2, 3, 4, 18},
       .causal = true,
       .mode = 2,
       .wants_qk = true},
      {.name = "attention_3d_with_past_and_present_qk_matmul",
       .three_dims = true,
       .past = 12,
       .mask_dims = {4, 18},
       .wants_qk = true},
      {.name = "attention_3d_with_past_and_present_qk_matmul_bias",
       .three_dims = true,
       .past = 12,
       .mask_dims = {4, 18},
       .mode = 2,
       .wants_qk = true},
      {.name = "attention_3d_with_past_and_present_qk_matmul_softcap",
       .three_dims = true,
       .past = 12,
       .mask_dims = {4, 18},
       .softcap = 2,
       .mode = 1,
       .wants_qk = true},
      {.name = "attention_3d_with_past_and_present_qk_matmul_softmax",
       .three_dims = true,
       .past = 12,
       .mask_dims = {4, 18},
       .mode = 3,
       .wants_qk = true},
      {.name = "attention_3d_transpose_verification",
       .three_dims = true,
       .batch = 1,
       .q_len = 2,
       .kv_len = 2,
       .head = 4,
       .v_head = 4},
      {.name = "attention_4d_diff_heads_mask4d_padded_kv",
       .opset = 24,
       .v_head = 10,
       .mask_dims = {2, 3, 4, 4},
       .nonpad = {3, 4}},
      {.name = "attention_4d_softcap_neginf_mask",
       .batch = 1,
       .q_heads = 1,
       .kv_heads = 1,
       .mask_dims = {4, 6},
       .softcap = 0.5,
       .minus_infinity = true},
      {.name = "attention_4d_gqa_causal_nonpad_decode",
       .opset = 24,
       .q_heads = 4,
       .kv_heads = 2,
       .q_len = 1,
       .kv_len = 8,
       .causal = true,
       .nonpad = {8, 5}},
      {.name = "attention_4d_causal_nonpad_continued_prefill",
       .opset = 24,
       .batch = 1,
       .q_heads = 2,
       .kv_heads = 2,
       .q_len = 2,
       .kv_len = 4,
       .causal = true,
       .nonpad = {4}},
      {.name = "attention_4d_causal_with_past_and_present", .opset = 24, .kv_len = 4, .past = 3, .causal = true},
      {.name = "attention_4d_causal_nonpad_negative_offset_structural_empty",
       .opset = 24,
       .batch = 1,
       .q_heads = 2,
       .kv_heads = 2,
       .kv_len = 4,
       .causal = true,
       .nonpad = {2}},
      {.name = "attention_4d_causal_nonpad_attn_mask_composition",
       .opset = 24,
       .q_heads = 2,
       .kv_heads = 2,
       .q_len = 3,
       .mask_dims = {2, 1, 3, 6},
       .bool_mask = true,
       .causal = true,
       .nonpad = {4, 5}},
      {.name = "attention_4d_causal_nonpad_batch_prefill",
       .opset = 24,
       .batch = 3,
       .q_heads = 2,
       .kv_heads = 2,
       .q_len = 2,
       .causal = true,
       .nonpad = {4, 5, 6}},
      // Opset 25's windows (onnx/onnx#8108): to the left, to both sides, with caches and masks.
      {.name = "attention_left_window", .opset = 25, .causal = true, .left = 2},
      {.name = "attention_both_windows", .opset = 25, .left = 2, .right = 1},
      {.name = "attention_right_window", .opset = 25, .right = 0},
      {.name = "attention_3d_left_window", .opset = 25, .three_dims = true, .causal = true, .left = 2},
      {.name = "attention_left_window_with_past", .opset = 25, .kv_len = 2, .past = 8, .causal = true, .left = 2},
      {.name = "attention_left_window_external_cache",
       .opset = 25,
       .kv_len = 8,
       .mask_dims = {3, 4, 8},
       .nonpad = {6, 7},
       .left = 2,
       .right = 0},
      {.name = "attention_default_windows", .opset = 25, .left = -1, .right = -1},
  };
  cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

}  // namespace rapt_test::onnx
