// exp and tanh of the contract: their stated errors, over their whole range, and their edges.
#include "rapt/core/elementary.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace rapt_test::elementary_test {
namespace {

constexpr double float_unit = 0x1p-24;
constexpr long double double_unit = 0x1p-53L;

TEST(FastTanh, OfFloatsIsWithinItsStatedError) {
  for (std::uint32_t bits = 0x20000000; bits < 0x42000000; bits += 97)
    for (const float x : {std::bit_cast<float>(bits), -std::bit_cast<float>(bits)}) {
      const double exact = std::tanh(static_cast<double>(x));
      ASSERT_LE(std::fabs(rapt::fast_tanh(x) - exact), 5 * float_unit * std::fabs(exact)) << x;
    }
}

TEST(FastTanh, OfDoublesIsWithinItsStatedError) {
  for (double x = 1e-9; x < 25; x *= 1.0003) {
    const long double exact = std::tanh(static_cast<long double>(x));
    ASSERT_LE(std::fabs(rapt::fast_tanh(x) - exact), 5 * double_unit * exact) << x;
    ASSERT_EQ(rapt::fast_tanh(-x), -rapt::fast_tanh(x));
  }
}

TEST(FastTanh, HasTheRightEdges) {
  EXPECT_EQ(rapt::fast_tanh(0.0f), 0.0f);
  EXPECT_EQ(rapt::fast_tanh(std::numeric_limits<float>::infinity()), 1.0f);
  EXPECT_EQ(rapt::fast_tanh(-std::numeric_limits<double>::infinity()), -1.0);
  EXPECT_EQ(rapt::fast_tanh(1e30f), 1.0f);
  EXPECT_TRUE(std::isnan(rapt::fast_tanh(std::numeric_limits<float>::quiet_NaN())));
}

TEST(FastExp, IsWithinItsStatedError) {
  for (float x = -86.5f; x < 87; x += 0.0117f) {
    const double exact = std::exp(static_cast<double>(x));
    ASSERT_LE(std::fabs(rapt::fast_exp(x) - exact), (2.9 + 0.22 * std::fabs(x)) * float_unit * exact) << x;
  }
  for (double x = -700; x < 700; x += 0.0917) {
    const long double exact = std::exp(static_cast<long double>(x));
    ASSERT_LE(std::fabs(rapt::fast_exp(x) - exact), (2.9L + 0.22L * std::fabs(x)) * double_unit * exact) << x;
  }
}

TEST(FastExp, HasTheRightEdges) {
  EXPECT_EQ(rapt::fast_exp(0.0f), 1.0f);
  EXPECT_EQ(rapt::fast_exp(-std::numeric_limits<float>::infinity()), 0.0f);
  EXPECT_EQ(rapt::fast_exp(std::numeric_limits<float>::infinity()), rapt::fast_exp(87.3f));
  EXPECT_TRUE(std::isfinite(rapt::fast_exp(1000.0)));
  EXPECT_TRUE(std::isnan(rapt::fast_exp(std::numeric_limits<double>::quiet_NaN())));
}

}  // namespace
}  // namespace rapt_test::elementary_test
