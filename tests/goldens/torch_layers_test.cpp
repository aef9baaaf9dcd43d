// PyTorch's TransformerEncoderLayer and TransformerDecoderLayer, whose tests set every parameter to cos(0), cos(1), …:
// the attention is the library's, the rest is written here.
#include <Eigen/Core>
#include <cmath>
#include <deque>

#include "goldens/layers.hpp"

namespace rapt_test::torch_layers_test {
namespace {

using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

std::vector<float> cosines(Index count) {
  std::vector<float> numbers(at(count));
  for (Index i = 0; i < count; ++i) numbers[at(i)] = std::cos(static_cast<float>(i));
  return numbers;
}
/// [rows, columns], in row-major order.
Rows parameter(Index rows, Index columns) {
  const std::vector<float> numbers = cosines(rows * columns);
  return Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(numbers.data(), rows,
                                                                                                 columns)
      .cast<double>();
}

class GoldenTorch : public GoldenCase {
 protected:
  void SetUp() override {
    GoldenCase::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(golden.attributes.at("activation"), "relu");
    ASSERT_EQ(golden.integer("norm_first"), 0);
    d_model = golden.integer("d_model");
    in_proj = cosines(3 * d_model * d_model);  // q's rows, k's, v's
    in_bias = cosines(3 * d_model);
    out_proj = cosines(d_model * d_model);
    out_bias = cosines(d_model);
  }

  /// `padding`: the name of a tensor [batch, keys] that is true where a key is not attended to, which may not be there.
  AttentionLayer<float, AnyMask> attention(bool cross, const char* padding) {
    AnyMask score = any_mask(rapt::Plain{});
    if (golden.has(padding)) score = masks.emplace_back(tensor(padding), false).dense();
    const auto rows = [&](const std::vector<float>& all, Index part) {
      return rapt::row_major(all.data() + part * d_model * d_model, d_model, d_model);
    };
    const std::span<const float> bias = in_bias;
    const std::size_t n = at(d_model);
    return AttentionLayer<float, AnyMask>({.hidden_size = d_model,
                                           .num_heads = golden.integer("nhead"),
                                           .memory_size = cross ? d_model : 0,
                                           .q_bias = true,
                                           .k_bias = true,
                                           .v_bias = true,
                                           .o_bias = true,
                                           .causal = false},
                                          {.q = rows(in_proj, 0),
                                           .k = rows(in_proj, 1),
                                           .v = rows(in_proj, 2),
                                           .o = rows(out_proj, 0),
                                           .q_bias = bias.subspan(0, n),
                                           .k_bias = bias.subspan(n, n),
                                           .v_bias = bias.subspan(2 * n),
                                           .o_bias = out_bias},
                                          score);
  }
  Rows rows_of(const GoldenTensor& t) const {
    return Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
               t.numbers.data(), t.dims[0] * t.dims[1], t.dims[2])
        .cast<double>();
  }
  /// Tokens of a tensor [position, batch, d_model].
  View<float> view(std::vector<float>& numbers, const GoldenTensor& like) const {
    return rapt::sbd(numbers.data(), like.dims[0], like.dims[1], like.dims[2]);
  }

  Rows layer_norm(const Rows& x) const {
    const Rows centred = x.colwise() - x.rowwise().mean();
    const Eigen::ArrayXd variance = centred.rowwise().squaredNorm().array() / static_cast<double>(d_model);
    const Eigen::ArrayXd inverse = (variance + std::stod(golden.attributes.at("layer_norm_eps"))).sqrt().inverse();
    const Rows weight = parameter(1, d_model);
    return ((centred.array().colwise() * inverse).rowwise() * weight.row(0).array()).rowwise() + weight.row(0).array();
  }
  Rows feed_forward(const Rows& x) const {
    const Index inner = golden.integer("dim_feedforward");
    const Rows hidden =
        ((x * parameter(inner, d_model).transpose()).rowwise() + parameter(1, inner).row(0)).cwiseMax(0);
    return (hidden * parameter(d_model, inner).transpose()).rowwise() + parameter(1, d_model).row(0);
  }
  /// norm(x + sublayer), as the tokens of a tensor.
  void add_and_norm(std::vector<float>& tokens, const Rows& sublayer, const GoldenTensor& like) const {
    const Rows sum = rows_of({like.dims, tokens, {}}) + sublayer, normed = layer_norm(sum);
    for (Index i = 0; i < normed.size(); ++i) tokens[at(i)] = static_cast<float>(normed.data()[i]);
  }

  Index d_model = 0;
  std::deque<GoldenMask> masks;
  std::vector<float> in_proj, in_bias, out_proj, out_bias;
};

TEST_P(GoldenTorch, IsReproducedWithinItsTolerance) {
  const bool decoder = golden.has("memory");
  GoldenTensor& in = tensor(decoder ? "tgt" : "src");
  const auto self = attention(false, decoder ? "tgt_key_padding_mask" : "src_key_padding_mask"),
             cross = attention(true, "memory_key_padding_mask");
  for (const Isa isa : rapt::supported_isas()) {
    SCOPED_TRACE(rapt::name(isa));
    std::vector<float> x = in.numbers, y(x.size());
    self.forward(view(x, in), view(y, in), {.isa = isa});
    add_and_norm(x, rows_of({in.dims, y, {}}), in);
    if (decoder) {
      GoldenTensor& memory = tensor("memory");
      cross.cross_attend(view(x, in), view(memory.numbers, memory), view(y, in), {.isa = isa});
      add_and_norm(x, rows_of({in.dims, y, {}}), in);
    }
    add_and_norm(x, feed_forward(rows_of({in.dims, x, {}})), in);
    expect_near(x, tensor("output"), golden.tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(Case, GoldenTorch,
                         testing::Values("torch/encoder_layer", "torch/encoder_layer_key_padding",
                                         "torch/decoder_layer", "torch/decoder_layer_tgt_key_padding",
                                         "torch/decoder_layer_memory_key_padding"),
                         golden_name);

}  // namespace
}  // namespace rapt_test::torch_layers_test
