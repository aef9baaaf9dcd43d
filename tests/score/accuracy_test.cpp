// The error of attention with score changes stays within the bound that support/error_bound.hpp derives for each of
// them: of float against double, and of double against long double.
#include <Eigen/Core>
#include <vector>

#include "support/error_bound.hpp"
#include "support/isas.hpp"
#include "support/stages.hpp"

namespace rapt_test::accuracy_test {
namespace {

class ChangesAccuracy : public OnEveryIsa {};

template <class T, class U> void expect_accurate(Isa isa, const auto& stage, std::optional<double> scale = {}) {
  if (std::numeric_limits<U>::digits <= std::numeric_limits<T>::digits) return;  // some machines' long double
  for (const Shape& shape : {Shape{1, 2, 1, 40, 700, 64, 16}, Shape{1, 2, 2, 3, 300, 32, 8}}) {
    const Inputs<T> inputs(shape, 1);
    const Result<T> found = by_kernel(inputs.views(), stage, Options<T>{.scale = scale, .isa = isa});
    EXPECT_TRUE((within_bound<T, U>(found, inputs, stage, scale))) << shape;
  }
}

const std::vector<float> of_heads{0.7f, -1.3f};

TEST_P(ChangesAccuracy, OfSoftcap) {
  expect_accurate<float, double>(GetParam(), rapt::softcap(0.7));
  expect_accurate<float, double>(GetParam(), rapt::softcap(20) | rapt::causal(), 3.0);
}

TEST_P(ChangesAccuracy, OfAlibi) {
  expect_accurate<float, double>(GetParam(), rapt::alibi(of_heads));
  expect_accurate<double, long double>(GetParam(), rapt::alibi(of_heads));
}

TEST_P(ChangesAccuracy, OfScalesAndSinks) {
  const std::vector<double> wide{1 / 3.0, 7 / 3.0};
  expect_accurate<float, double>(GetParam(), rapt::scale_by_head(wide) | rapt::sinks(wide));
  expect_accurate<double, long double>(GetParam(), rapt::scale_by_head(wide) | rapt::sinks(wide));
}

/// That are far above all scores, or below.
TEST_P(ChangesAccuracy, OfLargeSinks) {
  const std::vector<double> logits{100 / 3.0, -100 / 3.0};
  expect_accurate<float, double>(GetParam(), rapt::sinks(logits) | rapt::causal());
}

TEST_P(ChangesAccuracy, OfBiases) {
  const std::vector<float> numbers = random_numbers<float>(700, 3);
  const std::vector<double> wide = random_numbers<double>(700, 3);
  expect_accurate<float, double>(GetParam(), rapt::bias(rapt::bhsd(numbers.data(), 1, 1, 1, 700)));
  expect_accurate<float, double>(GetParam(), rapt::bias(rapt::bhsd(wide.data(), 1, 1, 1, 700)));
  expect_accurate<double, long double>(GetParam(), rapt::bias(rapt::bhsd(wide.data(), 1, 1, 1, 700)));
}

TEST_P(ChangesAccuracy, OfRelativeBiases) {
  const std::vector<float> table = random_numbers<float>(64, 3);
  expect_accurate<float, double>(GetParam(),
                                 rapt::relative_bias(rapt::row_major(table.data(), 32, 2), rapt::T5Buckets{}));
}

TEST_P(ChangesAccuracy, OfManyChanges) {
  expect_accurate<float, double>(GetParam(), rapt::scale_by_head(of_heads) | rapt::softcap(2) | rapt::alibi(of_heads) |
                                                 rapt::sinks(of_heads) | rapt::window(300, 5));
}

RAPT_ON_EVERY_ISA(ChangesAccuracy);

/// A bound that anything satisfies proves nothing.
TEST(ChangesAccuracyBound, CatchesAnotherScore) {
  const Inputs<float> inputs({1, 2, 1, 10, 300, 64, 8}, 1);
  const Result<float> found = by_kernel(inputs.views(), rapt::softcap(3), Options<float>{});
  EXPECT_TRUE((within_bound<float, double>(found, inputs, rapt::softcap(3))));
  EXPECT_FALSE((within_bound<float, double>(found, inputs, rapt::softcap(3.01))));
  EXPECT_FALSE((within_bound<float, double>(found, inputs, rapt::softcap(3) | rapt::sinks(of_heads))));
}

}  // namespace
}  // namespace rapt_test::accuracy_test
