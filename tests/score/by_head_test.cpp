// Scales and sinks by head: what they do, and what is refused.
#include <limits>
#include <vector>

#include "rapt/attention.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::by_head_test {
namespace {

using rapt::Coord;

constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

TEST(ScaleByHead, MultipliesWithTheFactorOfTheHead) {
  const std::vector<float> factors{2, 0.1f};
  const auto stage = rapt::scale_by_head(factors);
  EXPECT_EQ(stage.change(3.0f, Coord{0, 0, 0, 0}), 6.0f);
  EXPECT_EQ(stage.change(3.0f, Coord{0, 1, 0, 0}), 3.0f * 0.1f);
  const std::vector<double> doubles{2, 0.1};
  EXPECT_EQ(rapt::scale_by_head(doubles).change(3.0f, Coord{0, 1, 0, 0}), 3.0f * 0.1f);
  EXPECT_EQ(rapt::scale_by_head(doubles).change(3.0, Coord{0, 1, 0, 0}), 3.0 * 0.1);
}

TEST(ScaleByHead, SaysWhatItHasToBe) {
  const std::vector<double> factors{0.5, nan}, none;
  EXPECT_EQ(refusal([&] { rapt::scale_by_head(factors.data(), 1).check({1, 1, 3, 4}); }), "");
  EXPECT_EQ(refusal([&] {
              rapt::scale_by_head(factors).check({1, 4, 3, 4});
            }),
            "rapt: scale_by_head: the number of factors is 2; it has to be 4, one for each query head");
  EXPECT_EQ(refusal([&] {
              rapt::scale_by_head(factors).check({1, 2, 3, 4});
            }),
            "rapt: scale_by_head: number 1 of the factors is nan; it has to be finite");
  EXPECT_NE(refusal([&] { rapt::scale_by_head(none); }), "");
  EXPECT_NE(refusal([&] { rapt::scale_by_head(static_cast<const float*>(nullptr), 3); }), "");
}

TEST(Sinks, SayWhatTheyHaveToBe) {
  const std::vector<float> logits{0.5f, -1};
  EXPECT_EQ(rapt::sinks(logits).sink(0, 1), -1.0);
  EXPECT_EQ(refusal([&] { rapt::sinks(logits).check({1, 2, 3, 4}); }), "");
  EXPECT_EQ(refusal([&] {
              rapt::sinks(logits).check({1, 1, 3, 4});
            }),
            "rapt: sinks: the number of logits is 2; it has to be 1, one for each query head");
  const double wrong[3] = {-infinity, infinity, nan};
  EXPECT_EQ(refusal([&] { rapt::sinks(wrong, 1).check({1, 1, 3, 4}); }), "");
  EXPECT_EQ(refusal([&] {
              rapt::sinks(wrong + 1, 1).check({1, 1, 3, 4});
            }),
            "rapt: sinks: number 0 of the logits is inf; it has to be finite, or minus infinity for none");
  EXPECT_NE(refusal([&] { rapt::sinks(wrong + 2, 1).check({1, 1, 3, 4}); }), "");
  EXPECT_NE(refusal([&] { rapt::sinks(static_cast<const float*>(nullptr), 3); }), "");
}

/// One key with the score 0 and one sink of 0 share the weight; the other head has no sink.
TEST(Sinks, TakeWeightAndHaveNoValue) {
  const Shape shape{.batch = 1, .q_heads = 2, .kv_heads = 1};
  Inputs<double> inputs(shape, 1);
  std::fill(inputs.q.begin(), inputs.q.end(), 0.0);
  Result<double> result(shape);
  const std::vector<double> logits{0, -infinity};
  rapt::attention(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), rapt::sinks(logits),
                  {.lse = result.lse_view()});
  for (Index d = 0; d < 8; ++d) {
    EXPECT_DOUBLE_EQ(result.row(0, 0, 0)[d], inputs.v[at(d)] / 2);
    EXPECT_EQ(result.row(0, 1, 0)[d], inputs.v[at(d)]);
  }
  EXPECT_DOUBLE_EQ(result.lse_of(0, 0, 0), std::log(2.0));
  EXPECT_EQ(result.lse_of(0, 1, 0), 0);
}

/// Each is asked whether it fits the call, before anything is written.
TEST(ByHead, RefusesACallOfOtherHeads) {
  const Inputs<float> inputs({1, 4, 2, 3, 30, 8, 8}, 1);
  Result<float> result(inputs.shape);
  const std::vector<float> three(3, 0.5f);
  const auto refused = [&](const auto& score) {
    return refusal(
        [&] { rapt::attention(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), score); });
  };
  EXPECT_NE(refused(rapt::alibi(three) | rapt::causal()).find("alibi: the number of slopes is 3"), std::string::npos);
  EXPECT_NE(refused(rapt::sinks(three)).find("sinks: the number of logits is 3"), std::string::npos);
  EXPECT_NE(refused(rapt::scale_by_head(three)).find("scale_by_head: the number of factors is 3"), std::string::npos);
  EXPECT_TRUE(same_bits(result, Result<float>(inputs.shape)));
}

}  // namespace
}  // namespace rapt_test::by_head_test
