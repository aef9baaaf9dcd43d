// One decoding step of a Llama of one layer, from a token to the scores of the next one, as PyTorch computed it for
// tract's tests.
#include <Eigen/Core>

#include "goldens/layers.hpp"

namespace rapt_test::tract_llama_test {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

class GoldenLlama : public GoldenCase {
 protected:
  MatrixView<const float> weight(const std::string& name) {
    const GoldenTensor& t = tensor(name);
    return rapt::row_major(t.numbers.data(), t.dims.at(0), t.dims.at(1));
  }
  Eigen::Map<const Rows> rows(const std::string& name) {
    const GoldenTensor& t = tensor(name);
    return {t.numbers.data(), t.dims.at(0), t.dims.at(1)};
  }
  /// The norms' weights are all 1, and not in the files.
  Rows norm(const Rows& x, Isa isa) {
    const std::vector<float> ones(static_cast<std::size_t>(x.cols()), 1.0f);
    Rows y(x.rows(), x.cols());
    rapt::rms_norm(rapt::bsd(x.data(), 1, x.rows(), x.cols()), ones, rapt::bsd(y.data(), 1, y.rows(), y.cols()),
                   {.eps = std::stod(golden.attributes.at("rms_eps")), .isa = isa});
    return y;
  }
};

TEST_P(GoldenLlama, IsReproducedWithinItsTolerance) {
  ASSERT_EQ(golden.attributes.at("rope_pairing"), "half");
  const Index hidden = golden.integer("hidden_size"), head_dim = golden.integer("head_dim");
  const std::string prefix = "layers.0.self_attn.";
  const AttentionLayer<float> layer(
      {.hidden_size = hidden,
       .num_heads = golden.integer("num_attention_heads"),
       .num_kv_heads = golden.integer("num_key_value_heads"),
       .head_dim = head_dim,
       .rope = rapt::rope::standard(head_dim, std::stod(golden.attributes.at("rope_base"))),
       .max_positions = 16},
      {.q = weight(prefix + "q_proj"),
       .k = weight(prefix + "k_proj"),
       .v = weight(prefix + "v_proj"),
       .o = weight(prefix + "o_proj")});
  ASSERT_EQ(tensor("input_ids").integers.size(), 1u);
  for (const Isa isa : rapt::supported_isas()) {
    SCOPED_TRACE(rapt::name(isa));
    KvCache<float> cache(layer.cache_shape(1, 16), isa);
    cache.append(heads_of(tensor("past_key")), heads_of(tensor("past_value")));  // turned already
    ASSERT_EQ(cache.length(0), golden.integer("past_sequence_length"));

    Rows x = rows("embed_tokens").row(tensor("input_ids").integers[0]);
    const Rows normed = norm(x, isa);
    Rows y(1, hidden);
    layer.forward(rapt::bsd(normed.data(), 1, 1, hidden), rapt::bsd(y.data(), 1, 1, hidden), cache, {.isa = isa});
    x += y;
    const Rows h = norm(x, isa), gate = h * rows("layers.0.mlp.gate_proj").transpose();
    const Rows up = h * rows("layers.0.mlp.up_proj").transpose();
    const Rows gated = gate.array() / (1 + (-gate.array()).exp()) * up.array();
    x += gated * rows("layers.0.mlp.down_proj").transpose();
    const Rows logits = norm(x, isa) * rows("lm_head").transpose();

    expect_near({logits.data(), logits.data() + logits.size()}, tensor("logits"), golden.tolerance);
    expect_cached(cache, tensor("present_key"), tensor("present_value"), golden.tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Case, GoldenLlama, testing::Values("tract/llama_layer_gqa_past"), golden_name);

}  // namespace
}  // namespace rapt_test::tract_llama_test
