// The error against a wider type stays within the bound that support/error_bound.hpp derives from the contract.
#include "support/error_bound.hpp"
#include "support/isas.hpp"

namespace rapt_test::forward_accuracy_test {
namespace {

class ForwardAccuracy : public OnEveryIsa {};

struct Case {
  Shape shape;
  Mask mask;
  std::optional<double> scale{};
};

std::vector<Case> cases() {
  using namespace rapt;
  return {{{1, 2, 1, 20, 100, 64, 32}, Plain{}},     {{1, 2, 1, 70, 70, 128, 128}, causal()},
          {{1, 1, 1, 10, 2000, 64, 16}, causal()},   {{1, 1, 1, 30, 600, 16, 16}, window(200, 3)},
          {{2, 2, 2, 9, 513, 8, 8}, Plain{}, 3.0},    // a sharp softmax
          {{1, 1, 1, 9, 700, 32, 8}, Plain{}, -8.0},  // so sharp that weights vanish
          {{1, 1, 1, 9, 300, 32, 8}, Plain{}, 0.0},  {{1, 1, 1, 5, 1100, 576, 512}, causal()},
          {{1, 1, 1, 40, 20, 4, 4}, causal()}};  // rows without keys
}

TEST_P(ForwardAccuracy, OfFloatIsWithinItsBoundOfDouble) {
  for (const Case& c : cases()) {
    const Inputs<float> inputs(c.shape, 1);
    const Result<float> found = attend(inputs.views(), c.mask, Options<float>{.scale = c.scale, .isa = GetParam()});
    EXPECT_TRUE((within_bound<float, double>(found, inputs, c.mask, c.scale))) << c.shape;
  }
}

TEST_P(ForwardAccuracy, OfDoubleIsWithinItsBoundOfLongDouble) {
  if (std::numeric_limits<long double>::digits <= std::numeric_limits<double>::digits)
    GTEST_SKIP() << "long double is no wider than double";
  for (const Case& c : cases()) {
    const Inputs<double> inputs(c.shape, 2);
    const Result<double> found = attend(inputs.views(), c.mask, Options<double>{.scale = c.scale, .isa = GetParam()});
    EXPECT_TRUE((within_bound<double, long double>(found, inputs, c.mask, c.scale))) << c.shape;
  }
}

RAPT_ON_EVERY_ISA(ForwardAccuracy);

/// A bound that anything satisfies proves nothing.
TEST(ForwardAccuracyBound, IsSmallWhereTheSoftmaxIsOrdinary) {
  const Inputs<float> inputs({1, 1, 1, 1, 1000, 64, 64}, 1);
  const RowBound<float> bound(facts_of_row(inputs.views(), rapt::Plain{}, 0, 0, 0, 0.125), 1000);
  EXPECT_LT(bound.relative, 2e-4);
  EXPECT_LT(bound.lse(7.0), 1e-4);
}

TEST(ForwardAccuracyBound, CatchesAnErrorOfAThousandth) {
  const Inputs<float> inputs({1, 1, 1, 10, 300, 64, 8}, 1);
  Result<float> found = attend(inputs.views());
  EXPECT_TRUE((within_bound<float, double>(found, inputs, rapt::Plain{})));
  found.out[33] += 1e-3f;
  EXPECT_FALSE((within_bound<float, double>(found, inputs, rapt::Plain{})));
}

}  // namespace
}  // namespace rapt_test::forward_accuracy_test
