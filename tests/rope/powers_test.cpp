// The powers of a root: each is the nearest double, or as good as.
#include "rapt/rope/powers.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "support/tensors.hpp"

namespace rapt_test::powers_test {
namespace {

using rapt::detail::inverse_root;
using rapt::detail::powers;
using rapt::detail::product;
using rapt::detail::TwoDoubles;

constexpr double u = 0x1p-53;

TEST(Powers, AreTheNearestDoublesOrOneOfTheTwoNearest) {
  if (std::numeric_limits<long double>::digits <= 53) GTEST_SKIP() << "long double is no wider than double";
  for (const double base : {10000.0, 500000.0, 1e6, 5e6, 1.5, 0.25})
    for (const Index n : {1, 2, 3, 32, 48, 64, 128, 500}) {
      const std::vector<double> found = powers(inverse_root(base, n), n);
      ASSERT_EQ(found.size(), at(n));
      EXPECT_EQ(found[0], 1.0);
      for (Index i = 0; i < n; ++i) {
        const long double exact =
            std::pow(static_cast<long double>(base), -static_cast<long double>(i) / static_cast<long double>(n));
        // Half an ulp is at most u of a number; the C library's own error is under 2^-60 of it.
        EXPECT_LE(std::fabs((static_cast<long double>(found[at(i)]) - exact) / exact), u * (1 + 0x1p-6))
            << base << "^(-" << i << "/" << n << ")";
      }
    }
}

TEST(Powers, OfPowersOfTwoAreExact) {
  const std::vector<double> halves = powers(inverse_root(0x1p+40, 40), 40);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(halves[at(i)], std::ldexp(1.0, -i));
}

TEST(Powers, DoNotDependOnTheLastBitsOfTheFirstGuess) {
  // What the Newton step makes of a guess that is off by some ulps is the same to twice the precision: the root's n-th
  // power is 1/x up to a few 2^-104 a factor.
  for (const double base : {10000.0, 500000.0, 1e6})
    for (const Index n : {16, 64}) {
      const TwoDoubles root = inverse_root(base, n);
      TwoDoubles one{base, 0.0};
      for (Index i = 0; i < n; ++i) one = product(one, root);
      EXPECT_LE(std::fabs((one.high - 1.0) + one.low), 8.0 * static_cast<double>(n) * 0x1p-104);
    }
}

}  // namespace
}  // namespace rapt_test::powers_test
