// The attention layers of models that everyone knows, by their published config.json.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>

#include "rapt/core/ieee.hpp"
#include "rapt/layer/config.hpp"
#include "rapt/rope/scaling.hpp"
#include "rapt/rope/spec.hpp"

RAPT_NAMESPACE_BEGIN

/// Configs to make an AttentionLayer of. Where a model can read more positions than a program ever gives it, a smaller
/// config.max_positions makes a smaller rotary table.
namespace presets {

/// meta-llama/Llama-2-7b-hf.
inline LayerConfig llama2_7b() {
  return {.hidden_size = 4096,
          .num_heads = 32,
          .num_kv_heads = 32,
          .head_dim = 128,
          .rope = rope::standard(128, 10000),
          .max_positions = 4096};
}

/// meta-llama/Llama-2-13b-hf.
inline LayerConfig llama2_13b() {
  LayerConfig config = llama2_7b();
  config.hidden_size = 5120;
  config.num_heads = config.num_kv_heads = 40;
  return config;
}

/// meta-llama/Llama-2-70b-hf.
inline LayerConfig llama2_70b() {
  LayerConfig config = llama2_7b();
  config.hidden_size = 8192;
  config.num_heads = 64;
  config.num_kv_heads = 8;
  return config;
}

/// meta-llama/Meta-Llama-3-8B.
inline LayerConfig llama3_8b() {
  return {.hidden_size = 4096,
          .num_heads = 32,
          .num_kv_heads = 8,
          .head_dim = 128,
          .rope = rope::standard(128, 500000),
          .max_positions = 8192};
}

/// meta-llama/Meta-Llama-3-70B.
inline LayerConfig llama3_70b() {
  LayerConfig config = llama3_8b();
  config.hidden_size = 8192;
  config.num_heads = 64;
  return config;
}

/// meta-llama/Llama-3.1-8B: Llama 3's with its rope scaled to 131072 positions.
inline LayerConfig llama3_1_8b() {
  LayerConfig config = llama3_8b();
  config.rope = rope::llama3(
      128,
      {.factor = 8, .low_frequency_factor = 1, .high_frequency_factor = 4, .original_length = 8192, .base = 500000});
  config.max_positions = 131072;
  return config;
}

/// meta-llama/Llama-3.1-70B.
inline LayerConfig llama3_1_70b() {
  LayerConfig config = llama3_1_8b();
  config.hidden_size = 8192;
  config.num_heads = 64;
  return config;
}

/// mistralai/Mistral-7B-v0.1. (Later versions have no window, and a base of 1,000,000.)
inline LayerConfig mistral_7b() {
  return {.hidden_size = 4096,
          .num_heads = 32,
          .num_kv_heads = 8,
          .head_dim = 128,
          .rope = rope::standard(128, 10000),
          .max_positions = 32768,
          .window = 4096};
}

/// Qwen/Qwen2-7B, whose use_sliding_window is false.
inline LayerConfig qwen2_7b() {
  return {.hidden_size = 3584,
          .num_heads = 28,
          .num_kv_heads = 4,
          .head_dim = 128,
          .q_bias = true,
          .k_bias = true,
          .v_bias = true,
          .rope = rope::standard(128, 1000000),
          .max_positions = 131072};
}

/// Qwen/Qwen3-8B.
inline LayerConfig qwen3_8b() {
  return {.hidden_size = 4096,
          .num_heads = 32,
          .num_kv_heads = 8,
          .head_dim = 128,
          .qk_norm = QkNorm::weight,
          .norm_eps = 1e-6,
          .rope = rope::standard(128, 1000000),
          .max_positions = 40960};
}

/// The layers with full attention of Qwen/Qwen3-Next-80B-A3B-Instruct, every fourth one: a quarter of each head is
/// turned, and q_proj has for each head the rows of its queries, and then those of its gate.
inline LayerConfig qwen3_next_80b() {
  return {.hidden_size = 2048,
          .num_heads = 16,
          .num_kv_heads = 2,
          .head_dim = 256,
          .qk_norm = QkNorm::one_plus_weight,
          .norm_eps = 1e-6,
          .output_gate = OutputGate::in_q,
          .rope = rope::standard(64, 10000000),
          .max_positions = 262144};
}

/// allenai/OLMo-2-1124-7B, whose norms go over all heads of a token.
inline LayerConfig olmo2_7b() {
  return {.hidden_size = 4096,
          .num_heads = 32,
          .num_kv_heads = 32,
          .head_dim = 128,
          .qk_norm = QkNorm::weight_all_heads,
          .norm_eps = 1e-6,
          .rope = rope::standard(128, 500000),
          .max_positions = 4096};
}

/// allenai/OLMo-2-1124-13B.
inline LayerConfig olmo2_13b() {
  LayerConfig config = olmo2_7b();
  config.hidden_size = 5120;
  config.num_heads = config.num_kv_heads = 40;
  return config;
}

/// MiniMaxAI/MiniMax-M2, whose norms go over all heads of a token, and half of each head is turned.
inline LayerConfig minimax_m2() {
  return {.hidden_size = 3072,
          .num_heads = 48,
          .num_kv_heads = 8,
          .head_dim = 128,
          .qk_norm = QkNorm::weight_all_heads,
          .norm_eps = 1e-6,
          .rope = rope::standard(64, 5000000),
          .max_positions = 196608};
}

/// Some models turn queries and keys in most layers, and in every fourth one they don't (NoPE).
enum class Turned { yes, no };

/// HuggingFaceTB/SmolLM3-3B: layers 4, 8, 12, … (of 1, 2, …) are not turned.
inline LayerConfig smollm3_3b(Turned turned) {
  LayerConfig config{.hidden_size = 2048,
                     .num_heads = 16,
                     .num_kv_heads = 4,
                     .head_dim = 128,
                     .rope = rope::standard(128, 5000000),
                     .max_positions = 65536};
  if (turned == Turned::no) config.rope.reset(), config.max_positions = 0;
  return config;
}

/// meta-llama/Llama-4-Scout-17B-16E, its text_config: layers 4, 8, 12, … (of 1, 2, …) are not turned, see all
/// positions, and scale their queries by them. The others attend within chunks of 8192 positions, so such a layer takes
/// a score, AttentionLayer layer(config, weights, chunk_local(8192)), and normalise what they turn. (There after
/// turning it, which is the same, as a rotation keeps a norm.) Its rotary table of 10485760 rows would take 5 GiB: make
/// max_positions as large as you need.
inline LayerConfig llama4_scout(Turned turned) {
  LayerConfig config{.hidden_size = 5120, .num_heads = 40, .num_kv_heads = 8, .head_dim = 128, .norm_eps = 1e-5};
  if (turned == Turned::no) {
    config.query_scaling = QueryScaling::steps(0.1, 8192);
    return config;
  }
  config.qk_norm = QkNorm::unweighted;
  config.rope = rope::llama3(
      128,
      {.factor = 16, .low_frequency_factor = 1, .high_frequency_factor = 1, .original_length = 8192, .base = 500000});
  config.rope->pairing = rope::Pairing::interleaved;
  config.max_positions = 10485760;
  return config;
}

/// Gemma 2 has two kinds of layers, one after the other.
enum class Gemma2 { local, global };

/// google/gemma-2-9b: scores are divided by the root of query_pre_attn_scalar and soft-capped (attn_logit_softcapping),
/// so a layer takes a score: AttentionLayer layer(config, weights, softcap(config.softcap)).
inline LayerConfig gemma2_9b(Gemma2 layer) {
  return {.hidden_size = 3584,
          .num_heads = 16,
          .num_kv_heads = 8,
          .head_dim = 256,
          .rope = rope::standard(256, 10000),
          .max_positions = 8192,
          .window = layer == Gemma2::local ? 4096 : 0,
          .scale = 1 / ieee::sqrt(256.0),
          .softcap = 50};
}

/// google/gemma-2-2b.
inline LayerConfig gemma2_2b(Gemma2 layer) {
  LayerConfig config = gemma2_9b(layer);
  config.hidden_size = 2304;
  config.num_heads = 8;
  config.num_kv_heads = 4;
  return config;
}

/// google/gemma-2-27b, whose query_pre_attn_scalar, 144, is not its head_dim.
inline LayerConfig gemma2_27b(Gemma2 layer) {
  LayerConfig config = gemma2_9b(layer);
  config.hidden_size = 4608;
  config.num_heads = 32;
  config.num_kv_heads = 16;
  config.head_dim = 128;
  config.rope = rope::standard(128, 10000);
  config.scale = 1 / ieee::sqrt(144.0);
  return config;
}

/// Gemma 3 has two kinds of layers: five of each six are local, the sixth is global.
enum class Gemma3 { local, global };

/// google/gemma-3-4b-pt, its text_config: a local layer sees 1024 positions and turns with rope_local_base_freq; a
/// global one all of them, eight times slower. Scores are divided by the root of query_pre_attn_scalar.
inline LayerConfig gemma3_4b(Gemma3 layer) {
  LayerConfig config{.hidden_size = 2560,
                     .num_heads = 8,
                     .num_kv_heads = 4,
                     .head_dim = 256,
                     .qk_norm = QkNorm::one_plus_weight,
                     .norm_eps = 1e-6,
                     .rope = rope::linear(256, 8, 1000000),
                     .max_positions = 131072,
                     .scale = 1 / ieee::sqrt(256.0)};
  if (layer == Gemma3::local) {
    config.rope = rope::standard(256, 10000);
    config.window = 1024;
  }
  return config;
}

/// google/gemma-3-12b-pt.
inline LayerConfig gemma3_12b(Gemma3 layer) {
  LayerConfig config = gemma3_4b(layer);
  config.hidden_size = 3840;
  config.num_heads = 16;
  config.num_kv_heads = 8;
  return config;
}

/// google/gemma-3-27b-pt, the one whose query_pre_attn_scalar, 168, is not its head_dim.
inline LayerConfig gemma3_27b(Gemma3 layer) {
  LayerConfig config = gemma3_4b(layer);
  config.hidden_size = 5376;
  config.num_heads = 32;
  config.num_kv_heads = 16;
  config.head_dim = 128;
  config.rope = layer == Gemma3::local ? rope::standard(128, 10000) : rope::linear(128, 8, 1000000);
  config.scale = 1 / ieee::sqrt(168.0);
  return config;
}

/// microsoft/Phi-3-mini-4k-instruct. Its qkv_proj holds q, k and v below each other.
inline LayerConfig phi3_mini_4k() {
  return {.hidden_size = 3072,
          .num_heads = 32,
          .num_kv_heads = 32,
          .head_dim = 96,
          .rope = rope::standard(96, 10000),
          .max_positions = 4096,
          .window = 2047};
}

/// openai-community/gpt2, the small one. Positions are added to its embeddings. Its c_attn is [in, 3 · out]: q, k and v
/// are beside each other.
inline LayerConfig gpt2() {
  return {.hidden_size = 768,
          .num_heads = 12,
          .num_kv_heads = 12,
          .head_dim = 64,
          .q_bias = true,
          .k_bias = true,
          .v_bias = true,
          .o_bias = true};
}

/// google-bert/bert-base-uncased: every token attends to all.
inline LayerConfig bert_base() {
  LayerConfig config = gpt2();
  config.causal = false;
  return config;
}

}  // namespace presets
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
