// ONNX Runtime's MultiHeadAttention: queries, keys and values are projected elsewhere, and get biases here. So the
// layer's weights pick them out of hidden states in which they stand side by side.
#include "goldens/layers.hpp"

namespace rapt_test::ort_mha_test {
namespace {

/// The last extents of two tensors side by side: [batch, length, of a and of b].
GoldenTensor beside(const GoldenTensor& a, const GoldenTensor& b) {
  GoldenTensor both{a.dims, {}, {}};
  const Index a_size = a.dims.at(2), b_size = b.dims.at(2);
  both.dims[2] = a_size + b_size;
  for (Index row = 0; row < a.dims[0] * a.dims[1]; ++row) {
    const auto append = [&](const std::vector<float>& from, Index size) {
      both.numbers.insert(both.numbers.end(), from.begin() + row * size, from.begin() + (row + 1) * size);
    };
    append(a.numbers, a_size);
    append(b.numbers, b_size);
  }
  return both;
}

class GoldenOrtMha : public GoldenCase {
 protected:
  void SetUp() override {
    GoldenCase::SetUp();
    if (IsSkipped()) return;
    heads = golden.integer("num_heads");
    const bool split = golden.integer("kv_layout_bnsh") == 1;  // keys and values [batch, head, length, dim]
    const std::vector<Index>&k_dims = tensor("key").dims, &v_dims = tensor("value").dims;
    q_size = tensor("query").dims.at(2);
    k_size = split ? k_dims.at(1) * k_dims.at(3) : k_dims.at(2);
    v_size = split ? v_dims.at(1) * v_dims.at(3) : v_dims.at(2);
    const bool biased = golden.has("bias");
    config = {.num_heads = heads,
              .head_dim = q_size / heads,
              .value_dim = v_size / heads,
              .q_bias = biased,
              .k_bias = biased,
              .v_bias = biased,
              .causal = false};
    if (biased) bias = tensor("bias").numbers;
  }

  /// q's numbers are the first of a token, k's and v's begin where they are said to.
  template <class S = rapt::Plain>
  AttentionLayer<float, S> layer_of(Index k_from, Index v_from, const S& score = {}) const {
    const Index source = config.memory_size != 0 ? config.memory_size : config.hidden_size;
    const std::vector<float> q = selector(q_size, config.hidden_size), k = selector(k_size, source, k_from),
                             v = selector(v_size, source, v_from), o = selector(config.hidden_size, v_size);
    const std::span<const float> all = bias;
    LayerWeights<float> weights{.q = rapt::row_major(q.data(), q_size, config.hidden_size),
                                .k = rapt::row_major(k.data(), k_size, source),
                                .v = rapt::row_major(v.data(), v_size, source),
                                .o = rapt::row_major(o.data(), config.hidden_size, v_size)};
    if (!all.empty()) {
      weights.q_bias = all.subspan(0, at(q_size));
      weights.k_bias = all.subspan(at(q_size), at(k_size));
      weights.v_bias = all.subspan(at(q_size + k_size));
    }
    return AttentionLayer(config, weights, score);
  }

  /// Where there is a mask, it hides nothing.
  void expect_nothing_hidden() {
    if (!golden.has("key_padding_mask")) return;
    EXPECT_TRUE(hides_nothing(tensor("key_padding_mask")));
  }

  /// The layer's outputs for x, computed by `run` and cut to the values' width.
  template <class Run> void expect_output(const View<float>& x, Run run) {
    std::vector<float> y(at(x.batch() * x.length() * config.hidden_size));
    run(rapt::bsd(y.data(), x.batch(), x.length(), config.hidden_size));
    expect_near(first_of_rows(y, config.hidden_size, v_size), tensor("output"), golden.tolerance);
  }

  LayerConfig config;
  Index heads = 0, q_size = 0, k_size = 0, v_size = 0;
  std::vector<float> bias;
};

class GoldenOrtSelf : public GoldenOrtMha {
 protected:
  template <class Layer> void expect_outputs(const View<float>& x, const Layer& layer) {
    const Index past = golden.integer("past_sequence_length");
    for (const Isa isa : rapt::supported_isas()) {
      SCOPED_TRACE(rapt::name(isa));
      if (past == 0) expect_output(x, [&](const View<float>& y) { layer.forward(x, y, {.isa = isa}); });
      KvCache<float> cache(layer.cache_shape(x.batch(), 64), isa);
      if (past > 0) cache.append(heads_of(tensor("past_key")), heads_of(tensor("past_value")));
      expect_output(x, [&](const View<float>& y) { layer.forward(x, y, cache, {.isa = isa}); });
      if (golden.has("present_key"))
        expect_cached(cache, tensor("present_key"), tensor("present_value"), golden.tolerance);
    }
  }
};

TEST_P(GoldenOrtSelf, IsReproducedWithinItsTolerance) {
  expect_nothing_hidden();
  GoldenTensor tokens = beside(beside(tensor("query"), tensor("key")), tensor("value"));
  const View<float> x = states_of(tokens);
  config.hidden_size = x.dim();
  if (golden.has("attention_bias"))
    expect_outputs(x, layer_of(q_size, q_size + k_size, rapt::bias(heads_of(tensor("attention_bias")))));
  else
    expect_outputs(x, layer_of(q_size, q_size + k_size));
}

INSTANTIATE_TEST_SUITE_P(Case, GoldenOrtSelf,
                         testing::Values("ort/mha_AttentionDataCutlassRelPosBias",
                                         "ort/mha_Self_WithPast_WithRelPosBias_ForT5",
                                         "ort/mha_Self_Batch2_HeadSize32_NoBias_NoMask_PackedQKV",
                                         "ort/mha_Self_WithPastAndPresent_HeadSize8_NoMask_NoRelPosBias",
                                         "ort/mha_Self_WithPastAndPresent_HeadSize8_NoMask_NoRelPosBias_NoBias",
                                         "ort/mha_Self_WithPastAndPresent_NoMask_NoRelPosBias"),
                         golden_name);

class GoldenOrtCross : public GoldenOrtMha {
 protected:
  template <class S = rapt::Plain> void expect_outputs(const S& score = {}) {
    GoldenTensor memory_tokens = beside(tensor("key"), tensor("value"));
    const View<float> x = states_of(tensor("query")), memory = states_of(memory_tokens);
    config.hidden_size = q_size;
    config.memory_size = memory.dim();
    const AttentionLayer<float, S> layer = layer_of(0, k_size, score);
    for (const Isa isa : rapt::supported_isas()) {
      SCOPED_TRACE(rapt::name(isa));
      expect_output(x, [&](const View<float>& y) { layer.cross_attend(x, memory, y, {.isa = isa}); });
      KvCache<float> cache(layer.cache_shape(x.batch(), 64), isa);
      layer.project_memory(memory, cache, {.isa = isa});
      expect_output(x, [&](const View<float>& y) { layer.cross_attend(x, y, cache, {.isa = isa}); });
      if (golden.has("present_key"))
        expect_cached(cache, tensor("present_key"), tensor("present_value"), golden.tolerance);
    }
  }
};

TEST_P(GoldenOrtCross, IsReproducedWithinItsTolerance) {
  expect_nothing_hidden();
  expect_outputs();
}

INSTANTIATE_TEST_SUITE_P(
    Case, GoldenOrtCross,
    testing::Values("ort/mha_Cross_Batch2_HeadSize32_NoBias_NoMask_PackedKV", "ort/mha_Cross_DiffSequenceLengths",
                    "ort/mha_Cross_DiffSequenceLengths_HeadSize8", "ort/mha_Cross_DiffSequenceLengths_HeadSize8_NoBias",
                    "ort/mha_Cross_HeadSize16", "ort/mha_Cross_HeadSize16_8", "ort/mha_Cross_HeadSize16_8_NoBias",
                    "ort/mha_Cross_HeadSize16_NoBias", "ort/mha_Cross_HeadSize40", "ort/mha_Cross_HeadSize40_NoBias"),
    golden_name);

class GoldenOrtPadded : public GoldenOrtCross {};

/// By a mask of bools, and by lengths: ONNX Runtime takes either.
TEST_P(GoldenOrtPadded, IsReproducedWithinItsTolerance) {
  GoldenMask mask(tensor("key_padding_mask"), true);
  expect_outputs(mask.dense());
  expect_outputs(mask.padding());
}

INSTANTIATE_TEST_SUITE_P(Case, GoldenOrtPadded,
                         testing::Values("ort/mha_Cross_Batch1_HeadSize32_LeftSidePadding",
                                         "ort/mha_Cross_Batch1_HeadSize32_LeftSidePadding_NoBias",
                                         "ort/mha_Cross_Batch2_HeadSize32_RightSidePadding_Mask1D",
                                         "ort/mha_Cross_Batch2_HeadSize32_RightSidePadding_Mask2D",
                                         "ort/mha_Cross_Batch2_HeadSize32_RightSidePadding_NoBias_Mask1D",
                                         "ort/mha_Cross_Batch2_HeadSize32_RightSidePadding_NoBias_Mask2D"),
                         golden_name);

class GoldenOrtPassedIn : public GoldenOrtMha {};

/// Keys and values come as a cache has them.
TEST_P(GoldenOrtPassedIn, IsReproducedWithinItsTolerance) {
  expect_nothing_hidden();
  const View<float> x = states_of(tensor("query"));
  config.hidden_size = config.memory_size = q_size;
  const AttentionLayer<float> layer = layer_of(0, 0);
  for (const Isa isa : rapt::supported_isas()) {
    SCOPED_TRACE(rapt::name(isa));
    KvCache<float> cache(layer.cache_shape(x.batch(), 64), isa);
    cache.append(heads_of(tensor("key")), heads_of(tensor("value")));
    expect_output(x, [&](const View<float>& y) { layer.cross_attend(x, y, cache, {.isa = isa}); });
  }
}

INSTANTIATE_TEST_SUITE_P(Case, GoldenOrtPassedIn,
                         testing::Values("ort/mha_CrossWithPast", "ort/mha_Cross_WithPastPassedInDirectly_NoMask"),
                         golden_name);

}  // namespace
}  // namespace rapt_test::ort_mha_test
