// ONNX Runtime's own operators of attention, of the domain com.microsoft: GroupQueryAttention and MultiHeadAttention.
//
//     using rapt::compat::tensor;
//     namespace ort = rapt::compat::onnxruntime;
//     ort::group_query_attention<float>(
//         {.query = tensor(q, {2, 1, 32 * 128}), .key = tensor(k, {2, 1, 8 * 128}), .value = tensor(v, {2, 1, 8 *
//         128}),
//          .past_key = tensor(keys, {2, 8, 4096, 128}), .past_value = tensor(values, {2, 8, 4096, 128}),
//          .seqlens_k = tensor(last, {2}), .total_sequence_length = 100,
//          .cos_cache = tensor(cos, {4096, 64}), .sin_cache = tensor(sin, {4096, 64})},
//         {.num_heads = 32, .kv_num_heads = 8, .do_rotary = true},
//         {.output = tensor(y, {2, 1, 32 * 128}), .present_key = tensor(keys, {2, 8, 4096, 128}),
//          .present_value = tensor(values, {2, 8, 4096, 128})});
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/compat/onnxruntime/group_query_attention.hpp"
#include "rapt/compat/onnxruntime/multi_head_attention.hpp"

#include "rapt/core/fence_end.hpp"
