// Blocks of 32 weights: their bytes, both conversions, and what can't be said in a block.
#include "rapt/core/blocks.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "support/golden.hpp"
#include "support/refusal.hpp"

namespace rapt_test::blocks_test {
namespace {

using rapt::q4_0;
using rapt::q4_1;
using rapt::q5_0;
using rapt::q5_1;
using rapt::q8_0;
using Numbers = std::array<float, 32>;

constexpr std::uint16_t half_one = 0x3c00, half_nan = 0x7e00, half_infinity = 0x7c00;

template <class B> B quantised(const Numbers& x) {
  B b;
  rapt::quantise<B>(x, {&b, 1});
  return b;
}
template <class B> Numbers dequantised(const B& b) {
  Numbers y;
  rapt::dequantise<B>({&b, 1}, y);
  return y;
}
Numbers zeros_but(std::initializer_list<float> first) {
  Numbers x{};
  std::copy(first.begin(), first.end(), x.begin());
  return x;
}
Numbers random_block(std::uint64_t seed) {
  Numbers x;
  const std::vector<float> numbers = random_numbers<float>(32, seed);
  std::copy(numbers.begin(), numbers.end(), x.begin());
  return x;
}

template <class B> class EveryFormat : public testing::Test {};
using Formats = testing::Types<q8_0, q4_0, q4_1, q5_0, q5_1>;
TYPED_TEST_SUITE(EveryFormat, Formats);

/// The codes, whatever the format: a number with a sign, or one from 0 on where there is a minimum.
template <class B> std::array<int, 32> codes(const B& b) {
  std::array<int, 32> found{};
  for (Index i = 0; i < 32; ++i) found[at(i)] = rapt::detail::code_of(b, i);
  return found;
}

TEST(Blocks, PutWeightsWhereTheFilesHaveThem) {
  const q4_0 four{half_one, {0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0xf1}};
  EXPECT_EQ(dequantised(four)[0], -8);
  EXPECT_EQ(dequantised(four)[1], -6);
  EXPECT_EQ(dequantised(four)[7], 6);
  EXPECT_EQ(dequantised(four)[15], -7);
  EXPECT_EQ(dequantised(four)[16], -7);
  EXPECT_EQ(dequantised(four)[23], 7);
  EXPECT_EQ(dequantised(four)[31], 7);
  const q5_0 five{half_one, {0x01, 0, 0, 0x80}, {0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x30}};
  EXPECT_EQ(dequantised(five)[0], 1);
  EXPECT_EQ(dequantised(five)[1], -16);
  EXPECT_EQ(dequantised(five)[16], -14);
  EXPECT_EQ(dequantised(five)[31], 3);
  const q4_1 with_minimum{half_one, 0x4000, {0x21}};
  EXPECT_EQ(dequantised(with_minimum)[0], 3);
  EXPECT_EQ(dequantised(with_minimum)[16], 4);
  EXPECT_EQ(dequantised(with_minimum)[31], 2);
}

TYPED_TEST(EveryFormat, HoldsEachCodeOfEachWeightByItself) {
  constexpr int bits = rapt::detail::code_bits<TypeParam>,
                least = rapt::detail::has_minimum<TypeParam> ? 0 : -(1 << (bits - 1));
  for (Index i = 0; i < 32; ++i)
    for (int code = least; code < least + (1 << bits); ++code) {
      TypeParam b{};
      for (Index j = 0; j < 32; ++j) rapt::detail::put_code(b, j, j == i ? code : least);
      for (Index j = 0; j < 32; ++j) ASSERT_EQ(rapt::detail::code_of(b, j), j == i ? code : least);
    }
}

TEST(Blocks, OfQ8RoundTiesAwayFromZero) {
  const q8_0 b = quantised<q8_0>(zeros_but({127, 0.5f, -0.5f, 1.5f, -2.5f, 0.49999997f, -126.5f, 126.49999f}));
  EXPECT_EQ(b.d, half_one);
  const std::array<int, 32> right = {127, 1, -1, 2, -3, 0, -127, 126};
  EXPECT_EQ(codes(b), right);
}

TEST(Blocks, OfQ4RoundTiesUpwards) {
  const q4_0 b = quantised<q4_0>(zeros_but({-8, 0.5f, -0.5f, 1.5f, -2.5f, 7, 7.5f, 0.49999997f}));
  EXPECT_EQ(b.d, half_one);
  const std::array<int, 32> right = {-8, 1, 0, 2, -2, 7, 7, 1};  // the last one's sum, 8.99999997, is 9 as a float
  EXPECT_EQ(codes(b), right);
}

TEST(Blocks, OfQ5RoundTiesUpwards) {
  const q5_0 b = quantised<q5_0>(zeros_but({-16, 0.5f, -0.5f, 14.5f, 15, 15.5f}));
  EXPECT_EQ(b.d, half_one);
  const std::array<int, 32> right = {-16, 1, 0, 15, 15, 15};
  EXPECT_EQ(codes(b), right);
}

TEST(Blocks, WithAMinimumCountFromIt) {
  const q4_1 four = quantised<q4_1>(zeros_but({-2, 13, -1.5f, -1.25f, 12.5f}));
  EXPECT_EQ(four.d, half_one);
  EXPECT_EQ(four.m, 0xc000);
  EXPECT_EQ(codes(four)[0], 0);
  EXPECT_EQ(codes(four)[1], 15);
  EXPECT_EQ(codes(four)[2], 1);
  EXPECT_EQ(codes(four)[3], 1);
  EXPECT_EQ(codes(four)[4], 15);
  EXPECT_EQ(codes(four)[5], 2);
  const q5_1 five = quantised<q5_1>(zeros_but({-2, 29}));
  EXPECT_EQ(five.d, half_one);
  EXPECT_EQ(codes(five)[1], 31);
  EXPECT_EQ(codes(five)[31], 2);
}

TEST(Blocks, OfThePositiveLargestHaveANegativeScale) {
  const q4_0 b = quantised<q4_0>(zeros_but({8, -8, 4}));
  EXPECT_EQ(b.d, 0xbc00);
  EXPECT_EQ(codes(b)[0], -8);
  EXPECT_EQ(codes(b)[1], 7);  // 8 is one too many
  EXPECT_EQ(codes(b)[2], -4);
}

TYPED_TEST(EveryFormat, OfZerosIsZeros) {
  for (const float zero : {0.0f, -0.0f}) {
    Numbers x;
    x.fill(zero);
    const TypeParam b = quantised<TypeParam>(x);
    EXPECT_EQ(b.d & 0x7fff, 0);
    for (const int code : codes(b)) EXPECT_EQ(code, 0);
    for (const float y : dequantised(b)) EXPECT_EQ(y, 0);
  }
}

TYPED_TEST(EveryFormat, OfAConstantIsThatConstantWhereAHalfHoldsIt) {
  Numbers x;
  for (const float constant : {2.0f, -2.0f, 0.25f}) {
    x.fill(constant);
    for (const float y : dequantised(quantised<TypeParam>(x))) EXPECT_NEAR(y, constant, 0.001f * std::abs(constant));
  }
}

TYPED_TEST(EveryFormat, IsOffByAStepAtMost) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Numbers x = random_block(seed), y = dequantised(quantised<TypeParam>(x));
    const auto [least, most] = std::minmax_element(x.begin(), x.end());
    const float reach = rapt::detail::has_minimum<TypeParam> ? *most - *least : 2 * std::max(-*least, *most);
    // The largest number of the wrong sign is a whole step off where codes have one more on the one side than on the
    // other.
    const float step = reach / static_cast<float>((1 << rapt::detail::code_bits<TypeParam>)-2);
    for (std::size_t i = 0; i < 32; ++i) EXPECT_NEAR(y[i], x[i], step * 1.01f) << "weight " << i;
  }
}

TYPED_TEST(EveryFormat, WithADenormalScaleRoundsItAsAHalf) {
  Numbers x{};
  x[3] = -0x1p-24f * 15, x[4] = 0x1p-24f * 15;
  const TypeParam b = quantised<TypeParam>(x);
  EXPECT_LE(b.d & 0x7fff, 2);
  for (const float y : dequantised(b)) EXPECT_LE(std::abs(y), 0x1p-19f);
}

/// Where the scale's inverse overflows, or the scale is 0 as a half, the weights are 0.
TYPED_TEST(EveryFormat, OfNumbersTooSmallForAScaleIsZeros) {
  for (const float small : {1e-20f, 1e-38f, std::numeric_limits<float>::denorm_min()}) {
    Numbers x{};
    x[0] = small, x[1] = -small, x[31] = small / 2;
    const TypeParam b = quantised<TypeParam>(x);
    EXPECT_EQ(b.d & 0x7fff, 0);
    for (const float y : dequantised(b)) EXPECT_EQ(y, 0);
  }
}

TYPED_TEST(EveryFormat, WithAScaleTooLargeForAHalfHasAnInfiniteOne) {
  for (const float large : {1e8f, 3e38f, std::numeric_limits<float>::max()}) {
    Numbers x{};
    x[0] = large, x[1] = -large;
    const TypeParam b = quantised<TypeParam>(x);
    EXPECT_EQ(b.d & 0x7fff, half_infinity);
    EXPECT_FALSE(std::isfinite(dequantised(b)[0]));
  }
}

TYPED_TEST(EveryFormat, ThatCantHoldANumberIsNaN) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::infinity()}) {
    Numbers x = random_block(1);
    x[17] = bad;
    const TypeParam b = quantised<TypeParam>(x);
    EXPECT_EQ(b.d, half_nan);
    for (const float y : dequantised(b)) EXPECT_TRUE(std::isnan(y));
  }
}

TYPED_TEST(EveryFormat, IsConvertedInRows) {
  const std::vector<float> x = random_numbers<float>(96, 5);
  std::vector<TypeParam> blocks(3);
  rapt::quantise<TypeParam>(x, blocks);
  std::vector<float> y(96);
  rapt::dequantise<TypeParam>(blocks, y);
  for (std::size_t i = 0; i < 3; ++i) {
    Numbers part;
    std::copy_n(x.begin() + static_cast<std::ptrdiff_t>(32 * i), 32, part.begin());
    EXPECT_TRUE(same_bits(dequantised(quantised<TypeParam>(part)).data(), y.data() + 32 * i, 32));
  }
  EXPECT_EQ(refusal([&] { rapt::quantise<TypeParam>(std::span(x).first(95), blocks); }),
            "rapt: x: its size is 95; it has to be 96, 32 for each block");
  EXPECT_EQ(refusal([&] { rapt::dequantise<TypeParam>(std::span(blocks).first(2), y); }),
            "rapt: y: its size is 96; it has to be 64, 32 for each block");
}

TYPED_TEST(EveryFormat, StandsInRowsOfAFile) {
  const std::vector<TypeParam> blocks(6);
  const rapt::MatrixView<const TypeParam> rows = rapt::block_rows<TypeParam>(blocks.data(), 2, 96);
  EXPECT_EQ(rows.rows, 2);
  EXPECT_EQ(rows.columns, 3);
  EXPECT_EQ(rows.row(1), blocks.data() + 3);
  EXPECT_EQ(refusal([&] { rapt::block_rows<TypeParam>(blocks.data(), 2, 100); }),
            "rapt: block_rows: the number of columns is 100; it has to be a multiple of 32, a block's weights");
}

class GoldenBlocks : public GoldenCase {};

template <class B> void expect_golden(GoldenTensor& x, GoldenTensor& blocks, GoldenTensor& y) {
  std::vector<B> found(x.numbers.size() / 32), right(found.size());
  ASSERT_EQ(blocks.integers.size(), right.size() * sizeof(B));
  std::vector<std::uint8_t> bytes;
  for (const Index byte : blocks.integers) bytes.push_back(static_cast<std::uint8_t>(byte));
  std::memcpy(right.data(), bytes.data(), bytes.size());
  rapt::quantise<B>(x.numbers, found);
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_EQ(std::memcmp(&found[i], &right[i], sizeof(B)), 0) << "block " << i;
  std::vector<float> numbers(y.numbers.size());
  rapt::dequantise<B>(right, numbers);
  EXPECT_TRUE(same_bits(numbers, y.numbers));
}

TEST_P(GoldenBlocks, AreTheBytesOfThePackageGguf) {
  const std::string format = std::string(GetParam()).substr(7);
  GoldenTensor &x = tensor("x"), &blocks = tensor("blocks"), &y = tensor("y");
  if (format == "q8_0") expect_golden<q8_0>(x, blocks, y);
  if (format == "q4_0") expect_golden<q4_0>(x, blocks, y);
  if (format == "q4_1") expect_golden<q4_1>(x, blocks, y);
  if (format == "q5_0") expect_golden<q5_0>(x, blocks, y);
  if (format == "q5_1") expect_golden<q5_1>(x, blocks, y);
}
INSTANTIATE_TEST_SUITE_P(Narrow, GoldenBlocks,
                         testing::Values("narrow/q8_0", "narrow/q4_0", "narrow/q4_1", "narrow/q5_0", "narrow/q5_1"),
                         golden_name);

}  // namespace
}  // namespace rapt_test::blocks_test
