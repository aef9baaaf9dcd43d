// The error against a wider type stays within the bound that follows from the arithmetic.
#include <Eigen/Core>

#include "linear/projections.hpp"
#include "rapt/reference/linear.hpp"
#include "support/isas.hpp"

namespace rapt_test::linear_accuracy_test {
namespace {

/// A chain of n fused multiply-adds rounds n times, and a term goes through at most all of them: with u the roundoff,
///   |y − exact| <= n·u / (1 − n·u) · (|b| + Σ |x[i]·w[i]|)
/// (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and half the smallest denormal for each
/// result under the normal numbers. The wider oracle's own error is bounded by the same with its own roundoff.
template <class T, class Wide>
testing::AssertionResult within_bound(const std::vector<T>& found, const Projection<T>& p) {
  const auto [rows, in, out] = p.extents;
  const auto widened = [](const std::vector<T>& numbers, bool absolute) {
    std::vector<Wide> wide(numbers.begin(), numbers.end());
    for (Wide& x : wide) x = absolute ? std::abs(x) : x;
    return wide;
  };
  std::vector<Wide> exact(found.size()), magnitude(found.size());
  for (bool absolute : {false, true}) {
    const std::vector<Wide> x = widened(p.x, absolute), weight = widened(p.weight, absolute),
                            bias = widened(p.bias, absolute);
    rapt::reference::linear<Wide>(rapt::row_major(x.data(), rows, in), rapt::row_major(weight.data(), out, in), bias,
                                  rapt::row_major((absolute ? magnitude : exact).data(), rows, out));
  }
  const Wide n = static_cast<Wide>(in), u = static_cast<Wide>(std::numeric_limits<T>::epsilon()) / 2,
             wide_u = std::numeric_limits<Wide>::epsilon();  // two roundings a step
  const Wide relative = n * u / (1 - n * u) + n * wide_u / (1 - n * wide_u);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Wide limit = relative * magnitude[i] / (1 - n * wide_u) + n * std::numeric_limits<T>::denorm_min();
    const Wide error = std::abs(static_cast<Wide>(found[i]) - exact[i]);
    if (!(error <= limit))
      return testing::AssertionFailure() << "element " << i << " is off by " << error << ", and may be by " << limit;
  }
  return testing::AssertionSuccess();
}

constexpr Extents all_extents[] = {{1, 4099, 65}, {9, 777, 130}, {20, 1, 5}, {3, 64, 64}};

class LinearAccuracy : public OnEveryIsa {};

TEST_P(LinearAccuracy, OfFloatIsWithinItsBoundOfDouble) {
  for (const Extents& e : all_extents) {
    const Projection<float> p(e);
    EXPECT_TRUE((within_bound<float, double>(projected(p.linear(), p, {.isa = GetParam()}), p))) << e;
  }
}

TEST_P(LinearAccuracy, OfDoubleIsWithinItsBoundOfLongDouble) {
  if (std::numeric_limits<long double>::digits <= std::numeric_limits<double>::digits)
    GTEST_SKIP() << "long double is no wider than double";
  for (const Extents& e : all_extents) {
    const Projection<double> p(e);
    EXPECT_TRUE((within_bound<double, long double>(projected(p.linear(), p, {.isa = GetParam()}), p))) << e;
  }
}

RAPT_ON_EVERY_ISA(LinearAccuracy);

/// A bound that anything satisfies proves nothing.
TEST(LinearAccuracyBound, CatchesAnErrorOfAThousandth) {
  const Projection<float> p({3, 64, 64});
  std::vector<float> y = projected(p.linear(), p, {});
  y[100] += 1e-3f;
  EXPECT_FALSE((within_bound<float, double>(y, p)));
}

TEST(LinearReference, IsEigensProduct) {
  using Eigen::Dynamic, Eigen::RowMajor;
  using Rows = Eigen::Map<const Eigen::Matrix<double, Dynamic, Dynamic, RowMajor>>;
  const Projection<double> p({9, 77, 30});
  std::vector<double> y(9 * 30);
  rapt::reference::linear<double>(p.x_matrix(), p.weight_matrix(), p.bias, rapt::row_major(y.data(), 9, 30));
  const Eigen::MatrixXd product = (Rows(p.x.data(), 9, 77) * Rows(p.weight.data(), 30, 77).transpose()).rowwise() +
                                  Eigen::Map<const Eigen::RowVectorXd>(p.bias.data(), 30);
  EXPECT_LT((Rows(y.data(), 9, 30) - product).cwiseAbs().maxCoeff(), 1e-12);
}

}  // namespace
}  // namespace rapt_test::linear_accuracy_test
