// ONNX's operators: Attention (opsets 23, 24, 25) and RotaryEmbedding (23).
//
//     using rapt::compat::tensor;
//     rapt::compat::onnx::attention<float>(
//         {.Q = tensor(q, {2, 9, 4, 8}), .K = tensor(k, {2, 3, 6, 8}), .V = tensor(v, {2, 3, 6, 8}),
//          .attn_mask = tensor(mask, {4, 18}), .past_key = tensor(pk, {2, 3, 12, 8}), .past_value = tensor(pv, {2, 3,
//          12, 8})},
//         {.is_causal = true, .softcap = 2},
//         {.Y = tensor(y, {2, 9, 4, 8}), .present_key = tensor(k2, {2, 3, 18, 8}), .present_value = tensor(v2, {2, 3,
//         18, 8})},
//         {.opset = 24, .executor = &executor});
//
//     rapt::compat::onnx::rotary_embedding<float>(
//         {.X = tensor(x, {2, 4, 3, 8}), .cos_cache = tensor(cos, {50, 4}), .sin_cache = tensor(sin, {50, 4}),
//          .position_ids = tensor(ids, {2, 3})},
//         {.interleaved = true}, tensor(x, {2, 4, 3, 8}));
//
// Source: onnx/defs/nn/defs.cc and onnx/reference/ops of github.com/onnx/onnx, up to ONNX 1.23 (opset 25's windows:
// #8108).
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/compat/onnx/attention.hpp"
#include "rapt/compat/onnx/rotary_embedding.hpp"

#include "rapt/core/fence_end.hpp"
