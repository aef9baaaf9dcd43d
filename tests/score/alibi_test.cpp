// ALiBi: the slopes, what becomes of a score, and what is refused.
#include "rapt/score/alibi.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/golden.hpp"
#include "support/refusal.hpp"

namespace rapt_test::alibi_test {
namespace {

using rapt::Coord;

/// The paper's: for 8 heads, 1/2, 1/4, …, 1/256.
TEST(AlibiSlopes, OfAPowerOfTwoAreAGeometricSeries) {
  EXPECT_EQ(rapt::alibi_slopes(8),
            (std::vector<float>{0.5f, 0.25f, 0.125f, 0.0625f, 0x1p-5f, 0x1p-6f, 0x1p-7f, 0x1p-8f}));
  EXPECT_EQ(rapt::alibi_slopes(1), std::vector<float>{0x1p-8f});
  EXPECT_EQ(rapt::alibi_slopes(2), (std::vector<float>{0x1p-4f, 0x1p-8f}));
  const std::vector<float> sixteen = rapt::alibi_slopes(16);
  for (std::size_t h = 0; h < 16; ++h) EXPECT_EQ(sixteen[h], static_cast<float>(std::pow(0.5, 0.5 * double(h + 1))));
}

/// Of 12 heads: those of 8, then every other one of 16, as in the authors' get_slopes().
TEST(AlibiSlopes, OfOtherNumbersTakeTheRestFromTwiceAsMany) {
  const std::vector<float> twelve = rapt::alibi_slopes(12), eight = rapt::alibi_slopes(8),
                           sixteen = rapt::alibi_slopes(16);
  ASSERT_EQ(twelve.size(), 12u);
  for (std::size_t h = 0; h < 8; ++h) EXPECT_EQ(twelve[h], eight[h]);
  for (std::size_t h = 0; h < 4; ++h) EXPECT_EQ(twelve[8 + h], sixteen[2 * h]);
  EXPECT_EQ(rapt::alibi_slopes(3), (std::vector<float>{0x1p-4f, 0x1p-8f, 0x1p-2f}));
}

TEST(AlibiSlopes, RefuseNumbersOfHeadsThatAreNone) {
  EXPECT_EQ(refusal([] { rapt::alibi_slopes(0); }),
            "rapt: alibi_slopes: num_heads is 0; it has to be from 1 to 2^30 - 1");
  EXPECT_NE(refusal([] { rapt::alibi_slopes(-3); }), "");
}

TEST(Alibi, TakesTheSlopeTimesTheDistance) {
  const std::vector<float> slopes{0.5f, 0.25f};
  const rapt::Alibi stage = rapt::alibi(slopes);
  EXPECT_EQ(stage.change(1.0f, Coord{0, 0, 7, 3}), -1.0f);
  EXPECT_EQ(stage.change(1.0f, Coord{0, 1, 7, 3}), 0.0f);
  EXPECT_EQ(stage.change(1.0, Coord{0, 1, 3, 7}), 0.0);  // a key after the query is as far
  const float third[1] = {1 / 3.0f};
  EXPECT_EQ(rapt::alibi(third, 1).change(0.1f, Coord{0, 0, 7, 0}), std::fma(-third[0], 7.0f, 0.1f));
  const float apart[3] = {1, 9, 2};
  EXPECT_EQ(rapt::alibi(apart, 2, 2).change(0.0f, Coord{0, 1, 1, 0}), -2.0f);
}

TEST(Alibi, SaysWhatItHasToBe) {
  const std::vector<float> slopes{0.5f, 0.25f};
  EXPECT_EQ(refusal([&] { rapt::alibi(slopes).check({1, 2, 3, 4}); }), "");
  EXPECT_EQ(refusal([&] {
              rapt::alibi(slopes).check({1, 3, 3, 4});
            }),
            "rapt: alibi: the number of slopes is 2; it has to be 3, one for each query head");
  EXPECT_EQ(refusal([] { rapt::alibi(nullptr, 2); }),
            "rapt: alibi: data is a null pointer; it has to point to 2 numbers");
  EXPECT_EQ(refusal([] { rapt::alibi(std::span<const float>{}); }),
            "rapt: alibi: the number of slopes is 0; there has to be one for each query head");
  for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const float pair[2] = {1, wrong};
    EXPECT_NE(refusal([&] {
                rapt::alibi(pair).check({1, 2, 3, 4});
              }).find("number 1 of the slopes is"),
              std::string::npos);
  }
}

/// CTranslate2's tests; the queries see the first key, or the last one, at distance 0.
class GoldenAlibi : public GoldenCase {};

TEST_P(GoldenAlibi, IsReproducedWithinItsTolerance) {
  const GoldenTensor& expected = tensor("bias");
  const Index heads = expected.dims.at(1), queries = expected.dims.at(2), keys = expected.dims.at(3);
  const bool positive = std::string(GetParam()).find("positive") != std::string::npos;
  const std::vector<float> slopes = rapt::alibi_slopes(heads);
  const rapt::Alibi stage = rapt::alibi(slopes);
  std::vector<float> found;
  for (Index row = 0; row < expected.dims.at(0) * heads * queries; ++row)
    for (Index j = 0; j < keys; ++j) {
      const Coord c = rapt::detail::coord(0, row / queries % heads, positive ? 0 : keys - 1, j, 0);
      found.push_back(stage.change(0.0f, c) * (positive ? -1.0f : 1.0f));
    }
  expect_near(found, expected, golden.tolerance);
}

INSTANTIATE_TEST_SUITE_P(Case, GoldenAlibi,
                         testing::Values("rope/alibi_ctranslate2_negative", "rope/alibi_ctranslate2_positive"),
                         golden_name);

}  // namespace
}  // namespace rapt_test::alibi_test
