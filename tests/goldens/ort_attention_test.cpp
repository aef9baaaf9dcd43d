// ONNX Runtime's Attention: projections of the input, biases, and a past; no output projection, which is the identity
// here.
//
// Never to pass: 4DMask, Mask*NoWord, Unidirectional3DMask, UnidirectionalMask and WithNormFactor have rows with every
// key masked, which are not zeros there.
#include <array>
#include <optional>

#include "goldens/layers.hpp"

namespace rapt_test::ort_attention_test {
namespace {

class GoldenOrtAttention : public GoldenCase {
 protected:
  /// The layer's outputs, of which the first `size` numbers of a token are compared, and what it leaves in a cache.
  template <class Layer> void expect_outputs(const Layer& layer, Index size) {
    const Index hidden = layer.config().hidden_size;
    const View<float> x = states_of(tensor("input"));
    const Index past = golden.integer("past_sequence_length");
    for (const Isa isa : rapt::supported_isas()) {
      SCOPED_TRACE(rapt::name(isa));
      std::vector<float> y(tensor("input").numbers.size());
      const View<float> out = rapt::bsd(y.data(), x.batch(), x.length(), hidden);
      if (past == 0) {
        layer.forward(x, out, {.isa = isa});
        expect_near(first_of_rows(y, hidden, size), tensor("output"), golden.tolerance);
      }

      KvCache<float> cache(layer.cache_shape(x.batch(), 64), isa);
      if (past > 0) cache.append(heads_of(tensor("past_key")), heads_of(tensor("past_value")));
      layer.forward(x, out, cache, {.isa = isa});
      expect_near(first_of_rows(y, hidden, size), tensor("output"), golden.tolerance);
      if (golden.has("present_key"))
        expect_cached(cache, tensor("present_key"), tensor("present_value"), golden.tolerance);
    }
  }
};

TEST_P(GoldenOrtAttention, IsReproducedWithinItsTolerance) {
  std::optional<GoldenMask> mask;  // that hides something
  if (golden.has("attn_mask") && !hides_nothing(tensor("attn_mask"))) mask.emplace(tensor("attn_mask"), true);
  const GoldenTensor& weight = tensor("weight");  // [in, q | k | v]
  const std::vector<double>& sizes = golden.lists.at("qkv_hidden_sizes");
  const Index heads = golden.integer("num_heads"), hidden = weight.dims.at(0), all = weight.dims.at(1);
  const Index q = static_cast<Index>(sizes.at(0)), k = static_cast<Index>(sizes.at(1)),
              v = static_cast<Index>(sizes.at(2));
  ASSERT_EQ(q + k + v, all);
  ASSERT_LE(v, hidden);
  LayerConfig config{.hidden_size = hidden,
                     .num_heads = heads,
                     .head_dim = q / heads,
                     .value_dim = v / heads,
                     .q_bias = true,
                     .k_bias = true,
                     .v_bias = true,
                     .causal = golden.integer("is_causal") == 1};
  if (golden.attributes.count("do_rotary_neox") == 1) {
    ASSERT_EQ(golden.integer("do_rotary_neox"), 1);
    config.rope = rapt::rope::standard(config.head_dim, std::stod(golden.attributes.at("rotary_base")));
    config.max_positions = 16;
  }
  const auto columns = [&](Index first, Index count) {
    return MatrixView<const float>{weight.numbers.data() + first, count, hidden, 1, all};
  };
  const std::span<const float> bias = tensor("bias").numbers;
  const std::vector<float> identity = selector(hidden, v);
  const LayerWeights<float> weights{.q = columns(0, q),
                                    .k = columns(q, k),
                                    .v = columns(q + k, v),
                                    .o = rapt::row_major(identity.data(), hidden, v),
                                    .q_bias = bias.subspan(0, at(q)),
                                    .k_bias = bias.subspan(at(q), at(k)),
                                    .v_bias = bias.subspan(at(q + k))};
  ASSERT_FALSE(mask && golden.has("attention_bias"));
  if (golden.has("attention_bias"))
    expect_outputs(AttentionLayer(config, weights, rapt::bias(heads_of(tensor("attention_bias")))), v);
  else if (mask)
    expect_outputs(AttentionLayer(config, weights, mask->dense()), v);
  else
    expect_outputs(AttentionLayer(config, weights), v);
}

INSTANTIATE_TEST_SUITE_P(
    Case, GoldenOrtAttention,
    testing::Values("ort/attn_3DMask", "ort/attn_Batch2LeftPaddingMaskIndex2", "ort/attn_Batch2Mask",
                    "ort/attn_LeftPaddingMaskIndex2", "ort/attn_MaskPartialSequence", "ort/attn_RightPaddingMaskIndex2",
                    "ort/attn_PastStateBatch2WithPadding", "ort/attn_Batch1", "ort/attn_Batch1RelativePositionBias",
                    "ort/attn_Batch2RelativePositionBias", "ort/attn_Batch1WithQKVAttr1", "ort/attn_Batch1WithQKVAttr2",
                    "ort/attn_Batch1_Float16", "ort/attn_Batch2", "ort/attn_Batch2MaskIndex2", "ort/attn_DummyMask2D",
                    "ort/attn_EmptyPastState", "ort/attn_MaskExceedSequence", "ort/attn_MaskIndexOutOfRange",
                    "ort/attn_NeoXRotary", "ort/attn_NoMaskIndex", "ort/attn_PastStateBatch1",
                    "ort/attn_PastStateBatch2", "ort/attn_PrunedModel", "ort/attn_Unidirectional"),
    golden_name);

}  // namespace
}  // namespace rapt_test::ort_attention_test
