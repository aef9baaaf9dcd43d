// The contract's logarithm against the C library's.
#include "rapt/core/logarithm.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/random.hpp"

namespace rapt_test::logarithm_test {
namespace {

/// The relative error in units of the roundoff u = 2^-53.
double error_in_u(double x) {
  const long double exact = std::log(static_cast<long double>(x));
  const long double found = static_cast<long double>(rapt::detail::logarithm(x));
  if (exact == 0) return found == 0 ? 0 : 1e9;
  return static_cast<double>(std::fabs((found - exact) / exact)) * 0x1p53;
}

/// With x = 2^e·f: f + 1 and the quotient s are rounded, and so is log f = 2s + …: 3 u of log f, and 0.1 for what is
/// small beside 2s. Where e is 0 that is all, and exactly log f comes out. Elsewhere the last sum is rounded too, and
/// is no smaller than log f.
constexpr double bound_near_one = 3.1, bound = 4.1;

TEST(Logarithm, IsWithinItsBoundOverAllNormalNumbers) {
  Random random(1);
  for (int i = 0; i < 200000; ++i) {
    const double x = std::ldexp(1 + (random.uniform() + 1) / 2, static_cast<int>(random.below(2045)) - 1022);
    ASSERT_LE(error_in_u(x), bound) << x;
  }
}

TEST(Logarithm, IsWithinItsBoundNearOne) {
  Random random(2);
  for (int i = 0; i < 200000; ++i) {
    const double x = 1 + std::ldexp(random.uniform(), -static_cast<int>(random.below(50)) - 2);
    ASSERT_LE(error_in_u(x), bound_near_one) << x;
  }
}

TEST(Logarithm, IsWithinItsBoundWhereItsHalvesMeet) {
  for (int e = -1021; e < 1023; ++e) {
    double x = std::ldexp(std::sqrt(0.5), e);
    for (int i = 0; i < 3; ++i) x = std::nextafter(x, 0);
    for (int i = 0; i < 6; ++i, x = std::nextafter(x, 1e308)) ASSERT_LE(error_in_u(x), bound) << x;
  }
}

TEST(Logarithm, IsWithinItsBoundAtTheEndsOfTheRange) {
  for (const double x : {std::numeric_limits<double>::min(), std::numeric_limits<double>::max(), 3e38, 1.2e-38})
    EXPECT_LE(error_in_u(x), bound);
}

TEST(Logarithm, OfOneIsExactlyZero) {
  EXPECT_EQ(rapt::detail::logarithm(1), 0);
  EXPECT_FALSE(std::signbit(rapt::detail::logarithm(1)));
}

TEST(LogSumExpOfARow, IsMinusInfinityWithoutKeysAndNaNWhereThatHasReachedIt) {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(rapt::detail::logsumexp(std::numeric_limits<float>::lowest(), 0.0f), -infinity);
  EXPECT_EQ(rapt::detail::logsumexp(3.0f, 1.0f), 3.0f);
  EXPECT_TRUE(std::isnan(rapt::detail::logsumexp(3.0f, nan)));
  EXPECT_TRUE(std::isnan(rapt::detail::logsumexp(nan, 1.0f)));
  EXPECT_TRUE(std::isnan(rapt::detail::logsumexp(3.0f, infinity)));
}

}  // namespace
}  // namespace rapt_test::logarithm_test
