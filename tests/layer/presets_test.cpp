// Each preset is what the model's published config.json says.
#include "rapt/layer/presets.hpp"

#include <cmath>

#include "layer/layers.hpp"
#include "support/refusal.hpp"

namespace rapt_test::presets_test {
namespace {

namespace presets = rapt::presets;

/// hidden_size, num_attention_heads, num_key_value_heads and head_dim.
struct Heads {
  Index hidden_size, num_heads, num_kv_heads, head_dim;
};

void expect_heads(const LayerConfig& c, const Heads& heads) {
  EXPECT_EQ(c.hidden_size, heads.hidden_size);
  EXPECT_EQ(c.num_heads, heads.num_heads);
  EXPECT_EQ(c.num_kv_heads, heads.num_kv_heads);
  EXPECT_EQ(c.head_dim, heads.head_dim);
  EXPECT_EQ(c.value_dim, 0);
  EXPECT_EQ(c.memory_size, 0);
  EXPECT_EQ(rapt::detail::checked_config(c).value_dim, heads.head_dim);
}

/// Half-split pairs of all of the head, the fastest of which turns by `fastest` radians a position, and each of them
/// base^(−2/head_dim) times as fast as the one before.
void expect_rope(const LayerConfig& c, double base, Index max_positions, double fastest = 1) {
  ASSERT_TRUE(c.rope);
  EXPECT_EQ(c.max_positions, max_positions);
  EXPECT_EQ(c.rope->pairing, rapt::rope::Pairing::half);
  EXPECT_EQ(c.rope->attention_factor, 1);
  ASSERT_EQ(c.rope->rotary_dim(), c.head_dim);
  const auto& frequency = c.rope->inverse_frequencies;
  for (std::size_t p = 0; p < frequency.size(); ++p) {
    const double turned = fastest * std::pow(base, -2 * static_cast<double>(p) / static_cast<double>(c.head_dim));
    EXPECT_NEAR(frequency[p] / turned, 1, 1e-13) << "pair " << p;
  }
}

void expect_biases(const LayerConfig& c, bool qkv, bool o) {
  EXPECT_EQ(c.q_bias, qkv);
  EXPECT_EQ(c.k_bias, qkv);
  EXPECT_EQ(c.v_bias, qkv);
  EXPECT_EQ(c.o_bias, o);
}

/// A decoder without biases, norms, a window or a scale of its own.
void expect_plain_decoder(const LayerConfig& c) {
  expect_biases(c, false, false);
  EXPECT_EQ(c.qk_norm, QkNorm::none);
  EXPECT_TRUE(c.causal);
  EXPECT_EQ(c.window, 0);
  EXPECT_FALSE(c.scale);
}

TEST(Presets, OfLlama2) {
  expect_heads(presets::llama2_7b(), {4096, 32, 32, 128});
  expect_heads(presets::llama2_13b(), {5120, 40, 40, 128});
  expect_heads(presets::llama2_70b(), {8192, 64, 8, 128});
  for (const LayerConfig& c : {presets::llama2_7b(), presets::llama2_13b(), presets::llama2_70b()}) {
    expect_plain_decoder(c);
    expect_rope(c, 10000, 4096);
  }
}

TEST(Presets, OfLlama3) {
  expect_heads(presets::llama3_8b(), {4096, 32, 8, 128});
  expect_heads(presets::llama3_70b(), {8192, 64, 8, 128});
  for (const LayerConfig& c : {presets::llama3_8b(), presets::llama3_70b()}) {
    expect_plain_decoder(c);
    expect_rope(c, 500000, 8192);
  }
}

/// The fast pairs keep their pace, the slow ones turn eight times slower.
TEST(Presets, OfLlama31) {
  expect_heads(presets::llama3_1_8b(), {4096, 32, 8, 128});
  expect_heads(presets::llama3_1_70b(), {8192, 64, 8, 128});
  for (const LayerConfig& c : {presets::llama3_1_8b(), presets::llama3_1_70b()}) {
    expect_plain_decoder(c);
    EXPECT_EQ(c.max_positions, 131072);
    ASSERT_TRUE(c.rope);
    ASSERT_EQ(c.rope->pairs(), 64);
    const auto& frequency = c.rope->inverse_frequencies;
    EXPECT_EQ(frequency[0], 1);
    EXPECT_NEAR(frequency[20] / std::pow(500000, -20.0 / 64), 1, 1e-13);
    EXPECT_NEAR(frequency[63] / (std::pow(500000, -63.0 / 64) / 8), 1, 1e-13);
  }
}

TEST(Presets, OfMistral) {
  const LayerConfig c = presets::mistral_7b();
  expect_heads(c, {4096, 32, 8, 128});
  expect_rope(c, 10000, 32768);
  expect_biases(c, false, false);
  EXPECT_EQ(c.qk_norm, QkNorm::none);
  EXPECT_FALSE(c.scale);
  EXPECT_TRUE(c.causal);
  EXPECT_EQ(c.window, 4096);
  // 4096 keys with the query's own.
  const rapt::Band band = rapt::detail::band_of(c);
  EXPECT_TRUE(band.attends({0, 0, 5000, 5000}));
  EXPECT_TRUE(band.attends({0, 0, 5000, 5000 - 4095}));
  EXPECT_FALSE(band.attends({0, 0, 5000, 5000 - 4096}));
  EXPECT_FALSE(band.attends({0, 0, 5000, 5001}));
}

TEST(Presets, OfQwen2) {
  const LayerConfig c = presets::qwen2_7b();
  expect_heads(c, {3584, 28, 4, 128});
  expect_rope(c, 1000000, 131072);
  expect_biases(c, true, false);
  EXPECT_EQ(c.qk_norm, QkNorm::none);
  EXPECT_TRUE(c.causal);
  EXPECT_EQ(c.window, 0);
}

TEST(Presets, OfQwen3) {
  const LayerConfig c = presets::qwen3_8b();
  expect_heads(c, {4096, 32, 8, 128});
  expect_rope(c, 1000000, 40960);
  expect_biases(c, false, false);
  EXPECT_EQ(c.qk_norm, QkNorm::weight);
  EXPECT_EQ(c.norm_eps, 1e-6);
  EXPECT_TRUE(c.causal);
  EXPECT_EQ(c.window, 0);
}

TEST(Presets, OfQwen3Next) {
  const LayerConfig c = presets::qwen3_next_80b();
  expect_heads(c, {2048, 16, 2, 256});
  EXPECT_EQ(c.rope->rotary_dim(), 64);
  EXPECT_NEAR(c.rope->inverse_frequencies[31], std::pow(1e7, -31 / 32.0), 1e-19);
  EXPECT_EQ(c.qk_norm, QkNorm::one_plus_weight);
  EXPECT_EQ(c.output_gate, OutputGate::in_q);
}

TEST(Presets, OfOlmo2AndMiniMaxM2NormAllHeads) {
  expect_heads(presets::olmo2_7b(), {4096, 32, 32, 128});
  expect_heads(presets::olmo2_13b(), {5120, 40, 40, 128});
  expect_rope(presets::olmo2_7b(), 500000, 4096);
  expect_heads(presets::minimax_m2(), {3072, 48, 8, 128});
  EXPECT_EQ(presets::minimax_m2().rope->rotary_dim(), 64);
  for (const LayerConfig& c : {presets::olmo2_7b(), presets::olmo2_13b(), presets::minimax_m2()})
    EXPECT_EQ(c.qk_norm, QkNorm::weight_all_heads);
}

TEST(Presets, OfLayersThatAreNotTurned) {
  using presets::Turned;
  expect_heads(presets::smollm3_3b(Turned::yes), {2048, 16, 4, 128});
  expect_rope(presets::smollm3_3b(Turned::yes), 5000000, 65536);
  EXPECT_FALSE(presets::smollm3_3b(Turned::no).rope);
  const LayerConfig local = presets::llama4_scout(Turned::yes), global = presets::llama4_scout(Turned::no);
  expect_heads(local, {5120, 40, 8, 128});
  EXPECT_EQ(local.qk_norm, QkNorm::unweighted);
  EXPECT_EQ(local.rope->pairing, rapt::rope::Pairing::interleaved);
  EXPECT_FALSE(local.query_scaling);
  EXPECT_FALSE(global.rope);
  EXPECT_EQ(global.qk_norm, QkNorm::none);
  EXPECT_EQ(global.query_scaling->factor(8190), 1);
  EXPECT_NEAR(global.query_scaling->factor(8191), 1 + 0.1 * std::log(2), 1e-15);
  EXPECT_NEAR(global.query_scaling->factor(100000), 1 + 0.1 * std::log(1 + 12), 1e-15);
}

TEST(Presets, OfGemma2) {
  using presets::Gemma2;
  for (const Gemma2 kind : {Gemma2::local, Gemma2::global}) {
    expect_heads(presets::gemma2_2b(kind), {2304, 8, 4, 256});
    expect_heads(presets::gemma2_9b(kind), {3584, 16, 8, 256});
    expect_heads(presets::gemma2_27b(kind), {4608, 32, 16, 128});
    EXPECT_EQ(presets::gemma2_2b(kind).scale, 1 / 16.0);
    EXPECT_EQ(presets::gemma2_9b(kind).scale, 1 / 16.0);
    EXPECT_EQ(presets::gemma2_27b(kind).scale, 1 / 12.0);
    for (const LayerConfig& c : {presets::gemma2_2b(kind), presets::gemma2_9b(kind), presets::gemma2_27b(kind)}) {
      expect_rope(c, 10000, 8192);
      expect_biases(c, false, false);
      EXPECT_EQ(c.qk_norm, QkNorm::none);
      EXPECT_TRUE(c.causal);
      EXPECT_EQ(c.window, kind == Gemma2::local ? 4096 : 0);
      EXPECT_EQ(c.softcap, 50);
    }
  }
}

/// A layer whose config says softcap does not run without one.
TEST(Presets, OfGemma2TakeTheirSoftcap) {
  LayerConfig c = presets::gemma2_27b(presets::Gemma2::local);
  c.hidden_size = 24;
  c.max_positions = 20;
  const Weights<float> w(c);
  EXPECT_NE(refusal([&] { w.layer(); }).find("softcap is 50"), std::string::npos);
  EXPECT_NE(refusal([&] { AttentionLayer(c, w.views(), rapt::softcap(30)); }), "");
  const AttentionLayer layer(c, w.views(), rapt::softcap(c.softcap));
  EXPECT_EQ(layer.score().describe(), "softcap(50) | causal | window(4095, -1)");
  const States<float> x(1, 20, 24, 2);
  std::vector<float> y(x.numbers.size());
  layer.forward(x.all(), rapt::bsd(y.data(), 1, 20, 24));
  for (const float number : y) ASSERT_TRUE(std::isfinite(number));
}

TEST(Presets, OfGemma3) {
  using presets::Gemma3;
  for (const Gemma3 kind : {Gemma3::local, Gemma3::global}) {
    expect_heads(presets::gemma3_4b(kind), {2560, 8, 4, 256});
    expect_heads(presets::gemma3_12b(kind), {3840, 16, 8, 256});
    expect_heads(presets::gemma3_27b(kind), {5376, 32, 16, 128});
    EXPECT_EQ(presets::gemma3_4b(kind).scale, 1 / 16.0);
    EXPECT_EQ(presets::gemma3_12b(kind).scale, 1 / 16.0);
    EXPECT_NEAR(presets::gemma3_27b(kind).scale.value(), 1 / std::sqrt(168.0), 1e-16);
    for (const LayerConfig& c : {presets::gemma3_4b(kind), presets::gemma3_12b(kind), presets::gemma3_27b(kind)}) {
      const bool local = kind == Gemma3::local;
      expect_rope(c, local ? 10000 : 1000000, 131072, local ? 1 : 1 / 8.0);
      expect_biases(c, false, false);
      EXPECT_EQ(c.qk_norm, QkNorm::one_plus_weight);
      EXPECT_EQ(c.norm_eps, 1e-6);
      EXPECT_TRUE(c.causal);
      EXPECT_EQ(c.window, local ? 1024 : 0);
    }
  }
}

TEST(Presets, OfPhi3Mini) {
  const LayerConfig c = presets::phi3_mini_4k();
  expect_heads(c, {3072, 32, 32, 96});
  expect_rope(c, 10000, 4096);
  expect_biases(c, false, false);
  EXPECT_EQ(c.qk_norm, QkNorm::none);
  EXPECT_TRUE(c.causal);
  EXPECT_EQ(c.window, 2047);
}

TEST(Presets, OfGpt2AndBert) {
  for (const LayerConfig& c : {presets::gpt2(), presets::bert_base()}) {
    expect_heads(c, {768, 12, 12, 64});
    expect_biases(c, true, true);
    EXPECT_FALSE(c.rope);
    EXPECT_EQ(c.qk_norm, QkNorm::none);
    EXPECT_EQ(c.window, 0);
    EXPECT_FALSE(c.scale);
  }
  EXPECT_TRUE(presets::gpt2().causal);
  EXPECT_FALSE(presets::bert_base().causal);
}

/// Small enough to be made here, with real numbers of heads and dims.
TEST(Presets, MakeLayersThatRun) {
  for (LayerConfig c :
       {presets::llama3_1_8b(), presets::mistral_7b(), presets::qwen2_7b(), presets::qwen3_8b(),
        presets::gemma3_27b(presets::Gemma3::local), presets::phi3_mini_4k(), presets::gpt2(), presets::bert_base(),
        presets::qwen3_next_80b(), presets::olmo2_7b(), presets::minimax_m2(), presets::smollm3_3b(presets::Turned::no),
        presets::llama4_scout(presets::Turned::yes), presets::llama4_scout(presets::Turned::no)}) {
    c.hidden_size = 24;
    if (c.rope) c.max_positions = 20;
    const Weights<float> w(c);
    const AttentionLayer<float> layer = w.layer();
    const States<float> x(1, 20, 24, 2);
    for (const float y : without_cache(layer, x, {})) ASSERT_TRUE(std::isfinite(y));
  }
}

}  // namespace
}  // namespace rapt_test::presets_test
