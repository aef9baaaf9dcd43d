// The contract's exp: its error is what is derived for it, over its whole range, and its edges are what the kernels
// rely on.
#include <cmath>
#include <cstdlib>
#include <limits>

#include "support/error_bound.hpp"
#include "support/tensors.hpp"

namespace rapt_test::contract_test {
namespace {

using rapt::contract::Exp;

/// The largest relative error of the polynomial itself, evaluated in a wider type W, for 2·2^f over |f| <= ½.
template <class T, class W> W polynomial_error() {
  W worst = 0;
  const int steps = 200000;
  for (int i = 0; i <= steps; ++i) {
    const W f = static_cast<W>(i) / steps - W(0.5);
    W p = Exp<T>::coefficient[Exp<T>::degree];
    for (int j = Exp<T>::degree - 1; j >= 0; --j) p = p * f + static_cast<W>(Exp<T>::coefficient[j]);
    worst = std::max(worst, std::fabs(p / (2 * std::exp2(f)) - 1));
  }
  return worst;
}

TEST(ContractExp, HasThePolynomialsStatedError) {
  EXPECT_LT((polynomial_error<float, double>()), ExpError<float>::polynomial * 0x1p-24 * 1.05);
  if constexpr (std::numeric_limits<long double>::digits > 53) {
    EXPECT_LT((polynomial_error<double, long double>()), ExpError<double>::polynomial * 0x1p-53L * 1.05L);
  }
}

/// exp(y) in the wider type W over the derived bound, where the result is not flushed.
template <class T, class W> double error_over_bound(T y) {
  const W exact = std::exp(static_cast<W>(y));
  const W error = std::fabs(static_cast<W>(rapt::contract::exp(y)) - exact) / exact;
  return static_cast<double>(error) /
         ((ExpError<T>::fixed + ExpError<T>::slope() * std::fabs(static_cast<double>(y))) * ExpError<T>::u);
}

/// Every `step`-th float; a prime, so that all endings come up. RAPT_EXHAUSTIVE=1 in the environment takes every one
/// (ten minutes).
std::uint32_t step() { return std::getenv("RAPT_EXHAUSTIVE") != nullptr ? 1 : 251; }

/// Calls f with floats of the same sign, from `first` towards zero.
template <class F> void each_float(float first, F f) {
  const std::uint32_t end = bits(first) & 0x80000000;
  for (std::uint32_t x = bits(first); x > end + step(); x -= step()) f(from_bits<float>(x));
}

TEST(ContractExp, OfFloatIsWithinItsDerivedErrorAndNeverDenormal) {
  double worst = 0;
  const auto check = [&](float y) {
    const float found = rapt::contract::exp(y);
    if (found == 0) {
      ASSERT_LT(y, -86.9f);
      return;
    }
    ASSERT_GE(found, std::numeric_limits<float>::min()) << y;
    const double ratio = error_over_bound<float, double>(y);
    worst = std::max(worst, ratio);
    ASSERT_LE(ratio, 1) << y;
  };
  each_float(-88.0f, check);
  each_float(static_cast<float>(rapt::contract::headroom), check);
  RecordProperty("largest error over its bound", std::to_string(worst));
  EXPECT_GT(worst, 0.4) << "the bound is far from what is needed: is it derived from other constants?";
}

TEST(ContractExp, OfDoubleIsWithinItsDerivedErrorAndNeverDenormal) {
  if (std::numeric_limits<long double>::digits <= 53) GTEST_SKIP() << "long double is no wider than double";
  Random random(1);
  for (int i = 0; i < 1000000; ++i) {
    const double y = i % 2 == 0 ? -709 + (random.uniform() + 1) * 358.5
                                : std::ldexp(random.uniform(), 3 - static_cast<int>(random.below(40)));
    const double found = rapt::contract::exp(y);
    if (found == 0) {
      ASSERT_LT(y, -708.0) << y;
      continue;
    }
    ASSERT_GE(found, std::numeric_limits<double>::min()) << y;
    ASSERT_LE((error_over_bound<double, long double>(y)), 1) << y;
  }
}

template <class T> void expect_edges() {
  using L = std::numeric_limits<T>;
  EXPECT_EQ(rapt::contract::exp(T(0)), T(1));
  EXPECT_EQ(rapt::contract::exp(T(-0.0)), T(1));
  EXPECT_EQ(rapt::contract::exp(-L::denorm_min()), T(1));
  for (const T y : {Exp<T>::lowest, std::nextafter(Exp<T>::lowest, T(0)),
                    std::nextafter(Exp<T>::lowest, -L::infinity()), T(-1e4), L::lowest(), -L::infinity()})
    EXPECT_EQ(bits(rapt::contract::exp(y)), BitsOf<T>(0)) << y;
  for (const T y : {L::quiet_NaN(), -L::quiet_NaN(), from_bits<T>(~BitsOf<T>(0)), L::signaling_NaN()})
    EXPECT_TRUE(std::isnan(rapt::contract::exp(y)));
}
TEST(ContractExp, IsExactlyOneAtZeroExactlyZeroFarBelowAndKeepsNaN) {
  expect_edges<float>();
  expect_edges<double>();
}

TEST(ContractExp, OfFloatBelowMinus87IsZero) {
  for (float y = -87.0f; y > -1e6f; y *= 1.0003f) ASSERT_EQ(bits(rapt::contract::exp(y)), 0u) << y;
}

TEST(ContractNumbers, SpansAreWholeTiles) {
  EXPECT_EQ(rapt::contract::span % rapt::contract::tile, 0);
  EXPECT_EQ(rapt::contract::tile & (rapt::contract::tile - 1), 0) << "the tree of the tile's sum halves it";
}

}  // namespace
}  // namespace rapt_test::contract_test
