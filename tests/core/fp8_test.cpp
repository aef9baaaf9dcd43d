// Numbers of 8 bits with a floating point, both formats, every code.
#include "rapt/core/fp8.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/golden.hpp"

namespace rapt_test::fp8_test {
namespace {

using rapt::fp8_e4m3, rapt::fp8_e5m2;

/// What the bits mean, by the formats' tables.
template <class F> double meaning(int bits) {
  constexpr bool e4m3 = std::is_same_v<F, fp8_e4m3>;
  const int digits = e4m3 ? 3 : 2, bias = e4m3 ? 7 : 15, exponent = (bits & 0x7f) >> digits;
  const int significand = bits & ((1 << digits) - 1);
  const double sign = bits & 0x80 ? -1 : 1;
  if (e4m3 ? (bits & 0x7f) == 0x7f : exponent == 31 && significand != 0) return std::nan("");
  if (!e4m3 && exponent == 31) return sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(significand, 1 - bias - digits);
  return sign * std::ldexp((1 << digits) + significand, exponent - bias - digits);
}

template <class F> class Fp8 : public testing::Test {
 protected:
  static float number(int bits) { return rapt::detail::widened(F{static_cast<std::uint8_t>(bits)}); }
  static int bits_of(float x) {
    F narrow{};
    rapt::detail::narrow(x, narrow);
    return narrow.bits;
  }
  static int largest() {
    int bits = 0x7f;
    while (!std::isfinite(meaning<F>(bits))) --bits;
    return bits;
  }
};
using Formats = testing::Types<fp8_e4m3, fp8_e5m2>;
TYPED_TEST_SUITE(Fp8, Formats);

TYPED_TEST(Fp8, MeansWhatTheFormatSays) {
  for (int bits = 0; bits < 256; ++bits) {
    const double expected = meaning<TypeParam>(bits);
    if (std::isnan(expected))
      EXPECT_TRUE(std::isnan(this->number(bits))) << bits;
    else
      EXPECT_EQ(this->number(bits), expected) << bits;
    EXPECT_EQ(std::signbit(this->number(bits)), bits >= 128) << bits;
  }
}

TYPED_TEST(Fp8, StaysWhatItIs) {
  for (int bits = 0; bits < 256; ++bits)
    if (std::isfinite(this->number(bits))) {
      EXPECT_EQ(this->bits_of(this->number(bits)), bits);
    }
}

/// Between each number and the next one: the middle goes to the even one, what is beside it to its own side.
TYPED_TEST(Fp8, IsRoundedToTheNearest) {
  for (int bits = 0; bits < this->largest(); ++bits) {
    const float middle = (this->number(bits) + this->number(bits + 1)) / 2;
    for (const float sign : {1.f, -1.f}) {
      const int up = sign < 0 ? 128 : 0;
      EXPECT_EQ(this->bits_of(sign * middle), up + bits + bits % 2) << bits;
      EXPECT_EQ(this->bits_of(sign * std::nextafter(middle, 0.f)), up + bits) << bits;
      EXPECT_EQ(this->bits_of(sign * std::nextafter(middle, 1e9f)), up + bits + 1) << bits;
    }
  }
}

TYPED_TEST(Fp8, Saturates) {
  const float most = this->number(this->largest());
  for (const float x : {most * 1.01f, most * 1.2f, 2 * most, 1e30f, std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(this->bits_of(x), this->largest()) << x;
    EXPECT_EQ(this->bits_of(-x), 128 + this->largest()) << x;
  }
  EXPECT_TRUE(std::isnan(this->number(this->bits_of(std::nanf("")))));
  EXPECT_EQ(this->bits_of(1e-30f), 0);
  EXPECT_EQ(this->bits_of(-1e-30f), 128);
  EXPECT_EQ(this->bits_of(std::numeric_limits<float>::denorm_min()), 0);
}

class GoldenFp8 : public GoldenCase {};

/// (That package doesn't saturate.)
template <class F> void expect_golden(const GoldenTensor& x, const GoldenTensor& bits, const GoldenTensor& values) {
  ASSERT_EQ(x.numbers.size(), bits.integers.size());
  int compared = 0;
  for (std::size_t i = 0; i < x.numbers.size(); ++i) {
    if (!std::isfinite(meaning<F>(static_cast<int>(bits.integers[i])))) continue;
    F narrow{};
    rapt::detail::narrow(x.numbers[i], narrow);
    EXPECT_EQ(narrow.bits, bits.integers[i]) << x.numbers[i];
    ++compared;
  }
  EXPECT_GT(compared, 1000);
  ASSERT_EQ(values.numbers.size(), 256U);
  for (std::size_t code = 0; code < 256; ++code) {
    const float number = rapt::detail::widened(F{static_cast<std::uint8_t>(code)}), expected = values.numbers[code];
    EXPECT_TRUE(number == expected || (std::isnan(number) && std::isnan(expected))) << code;
  }
}

TEST_P(GoldenFp8, AreThoseOfThePackageMlDtypes) {
  const bool e4m3 = std::string(GetParam()) == "narrow/fp8_e4m3fn";
  const auto expect = e4m3 ? &expect_golden<fp8_e4m3> : &expect_golden<fp8_e5m2>;
  expect(tensor("x"), tensor("bits"), tensor("values"));
}
INSTANTIATE_TEST_SUITE_P(Narrow, GoldenFp8, testing::Values("narrow/fp8_e4m3fn", "narrow/fp8_e5m2"), golden_name);

}  // namespace
}  // namespace rapt_test::fp8_test
