// The exponential of xPos's scales.
#include "rapt/rope/exponential.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace rapt_test::exponential_test {
namespace {

TEST(Exponential, IsWithinTwoUlps) {
  if (std::numeric_limits<long double>::digits <= 53) GTEST_SKIP() << "long double is no wider than double";
  for (double x = -700; x <= 700; x += 0.0137) {
    const long double exact = std::exp(static_cast<long double>(x));
    ASSERT_LE(std::fabs((static_cast<long double>(rapt::detail::exponential(x)) - exact) / exact), 2 * 0x1p-52L) << x;
  }
}

TEST(Exponential, OfZeroIsOne) {
  EXPECT_EQ(rapt::detail::exponential(0.0), 1.0);
  EXPECT_EQ(rapt::detail::exponential(-0.0), 1.0);
}

}  // namespace
}  // namespace rapt_test::exponential_test
