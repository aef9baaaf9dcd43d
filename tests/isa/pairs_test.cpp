// Multiply-adds of depth 2, of pairs of bfloat16: what the CPU's own instruction does, what others make of fused
// multiply-adds, and the scalar code that says what it should be, in every bit.
#include <Eigen/Core>
#include <bit>
#include <cmath>
#include <vector>

#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::pairs_test {

using rapt::detail::Pair;

/// What a region makes of pairs: see pairs-inl.hpp.
struct Pairs {
  Isa isa;
  void (*steps)(const Pair* a, const Pair* b, float* c, Index count);
  void (*round)(const float* a, float* r, Index count);
  void (*join)(const float* even, const float* odd, Pair* r, Index count);
};

}  // namespace rapt_test::pairs_test

#define RAPT_EACH_REGION "isa/pairs-inl.hpp"
#include "rapt/isa/each_region.hpp"

namespace rapt_test::pairs_test {
namespace {

Pairs pairs_of(Isa isa) {
  using namespace rapt;
  return RAPT_OF_PAIR_REGION(isa, pairs::words());
}

class PairSteps : public OnEveryPairIsa {};

/// A bfloat16 of any sign and significand whose exponent, as it is kept, lies in [low, high].
std::uint16_t any_bfloat16(Random& random, unsigned low, unsigned high) {
  const unsigned exponent = low + static_cast<unsigned>(random.next() % (high - low + 1));
  return static_cast<std::uint16_t>((random.next() & 0x807f) | exponent << 7);
}
float any_float(Random& random, unsigned low, unsigned high) {
  const unsigned exponent = low + static_cast<unsigned>(random.next() % (high - low + 1));
  return std::bit_cast<float>(static_cast<std::uint32_t>((random.next() & 0x807fffff) | exponent << 23));
}

/// The exponents of factors and of the sum, as they are kept.
struct Range {
  unsigned a_low, a_high, b_low, b_high, c_low, c_high;
};
constexpr Range ranges[] = {
    {120, 130, 120, 130, 115, 135},  // around 1: cancellation
    {0, 255, 0, 255, 0, 255},        // everything, infinity and NaN among it
    {60, 66, 58, 66, 0, 6},          // results around the smallest normal number
    {30, 60, 60, 90, 0, 2},          // and below it
    {0, 1, 100, 140, 0, 10},         // factors below the normal numbers
    {180, 200, 180, 200, 240, 255},  // overflow
};

::testing::AssertionResult same(float a, float b) {
  if (std::isnan(a) && std::isnan(b)) return ::testing::AssertionSuccess();
  if (std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << std::hexfloat << a << " and " << b;
}

TEST_P(PairSteps, AreTheOddProductThenTheEvenOneFlushed) {
  const Pairs words = pairs_of(GetParam());
  ASSERT_EQ(words.isa, GetParam());
  Random random(1);
  constexpr Index count = 1 << 14;
  for (int round = 0; round < 12; ++round)
    for (const Range& r : ranges) {
      std::vector<Pair> a(count), b(count);
      std::vector<float> c(count), expected;
      for (Index i = 0; i < count; ++i) {
        a[at(i)] = {any_bfloat16(random, r.a_low, r.a_high), any_bfloat16(random, r.a_low, r.a_high)};
        b[at(i)] = {any_bfloat16(random, r.b_low, r.b_high), any_bfloat16(random, r.b_low, r.b_high)};
        c[at(i)] = any_float(random, r.c_low, r.c_high);
        expected.push_back(rapt::detail::multiply_add(a[at(i)], b[at(i)], c[at(i)]));
      }
      const std::vector<float> before = c;
      words.steps(a.data(), b.data(), c.data(), count);
      for (Index i = 0; i < count; ++i)
        ASSERT_TRUE(same(c[at(i)], expected[at(i)]))
            << std::hexfloat << rapt::detail::even_of(a[at(i)]) << " * " << rapt::detail::even_of(b[at(i)]) << " + "
            << rapt::detail::odd_of(a[at(i)]) << " * " << rapt::detail::odd_of(b[at(i)]) << " + " << before[at(i)];
    }
}

/// A result that is rounded to the smallest normal number from below: with 24 bits it stays below, and is 0.
TEST_P(PairSteps, FlushWhatIsBelowTheNormalNumbersBeforeItIsRoundedUpToThem) {
  const Pairs words = pairs_of(GetParam());
  const auto bf = [](float x) { return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16); };
  std::vector<Pair> a(16, Pair{0, 0}), b(16, Pair{0, 0});
  std::vector<float> c(16, 0.f), expected(16, 0.f);
  for (int i = 0; i < 16; ++i) {
    // 2^-126 - (i + 1) · 2^-153: up to half the last place of a number just below, it is rounded to 2^-126.
    a[at(i)].even = bf(-0x1p-80f * float(i + 1));
    b[at(i)].even = bf(0x1p-73f);
    c[at(i)] = 0x1p-126f;
    expected[at(i)] = i + 1 <= 4 ? 0x1p-126f : 0.f;
  }
  words.steps(a.data(), b.data(), c.data(), 16);
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(same(c[at(i)], expected[at(i)])) << i;
  for (int i = 0; i < 16; ++i)
    EXPECT_TRUE(same(rapt::detail::multiply_add(a[at(i)], b[at(i)], 0x1p-126f), expected[at(i)])) << i;
}

TEST_P(PairSteps, RoundAsEigenDoes) {
  const Pairs words = pairs_of(GetParam());
  Random random(2);
  std::vector<float> x, rounded(1 << 12), other(rounded.size());
  for (std::size_t i = 0; i < rounded.size(); ++i) x.push_back(any_float(random, 0, 255));
  words.round(x.data(), rounded.data(), Index(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i)
    ASSERT_TRUE(same(rounded[i], static_cast<float>(Eigen::bfloat16(x[i])))) << std::hexfloat << x[i];
  std::vector<Pair> pairs(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) other[i] = rounded[x.size() - 1 - i];
  words.join(rounded.data(), other.data(), pairs.data(), Index(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_TRUE(same(rapt::detail::even_of(pairs[i]), rounded[i]));
    ASSERT_TRUE(same(rapt::detail::odd_of(pairs[i]), other[i]));
  }
}

RAPT_ON_EVERY_PAIR_ISA(PairSteps);

}  // namespace
}  // namespace rapt_test::pairs_test
