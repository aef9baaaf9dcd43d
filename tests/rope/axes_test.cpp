// Positions of several components: which pair turns by which.
#include "rapt/rope/axes.hpp"

#include <algorithm>

#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::axes_test {
namespace {

namespace rope = rapt::rope;

TEST(RopeAxes, MropeGivesEachComponentASectionOfThePairs) {
  const rope::Spec spec = rope::mrope(rope::standard(128, 1e6), {16, 24, 24});
  EXPECT_EQ(spec.position_components(), 3);
  EXPECT_EQ(spec.inverse_frequencies, rope::standard(128, 1e6).inverse_frequencies);
  for (std::size_t p = 0; p < 64; ++p) EXPECT_EQ(spec.components[p], p < 16 ? 0 : p < 40 ? 1 : 2) << p;
}

TEST(RopeAxes, InterleavedMropeDealsThePairsInTurn) {
  const rope::Spec spec = rope::mrope_interleaved(rope::standard(128, 5e6), {24, 20, 20});
  for (int p = 0; p < 64; ++p) EXPECT_EQ(spec.components[at(p)], p < 60 ? p % 3 : 0) << p;
  const rope::Spec uneven = rope::mrope_interleaved(rope::standard(16), {4, 3, 1});
  EXPECT_EQ(uneven.components, (std::vector<int>{0, 1, 2, 0, 1, 0, 0, 1}));
}

TEST(RopeAxes, VisionTurnsOneHalfByTheRowAndTheOtherByTheColumn) {
  const std::vector<double> forty = rope::standard(40).inverse_frequencies,
                            eighty = rope::standard(80).inverse_frequencies;
  const rope::Spec same = rope::vision(80), dealt = rope::vision(80, 10000, rope::Axes::dealt);
  EXPECT_EQ(same.position_components(), 2);
  ASSERT_EQ(same.pairs(), 40);
  ASSERT_EQ(dealt.pairs(), 40);
  for (std::size_t p = 0; p < 40; ++p) {
    EXPECT_EQ(same.components[p], p < 20 ? 0 : 1);
    EXPECT_EQ(same.inverse_frequencies[p], forty[p % 20]);
    EXPECT_EQ(dealt.components[p], p < 20 ? 0 : 1);
    EXPECT_EQ(dealt.inverse_frequencies[p], eighty[2 * (p % 20) + p / 20]);
  }
}

TEST(RopeAxes, AGridGoesRowByRow) {
  EXPECT_EQ(rope::grid(2, 3), (std::vector<Index>{0, 0, 0, 1, 0, 2, 1, 0, 1, 1, 1, 2}));
  EXPECT_TRUE(rope::grid(0, 3).empty());
}

TEST(RopeAxes, RefusesWhatDoesntFit) {
  const rope::Spec spec = rope::standard(128);
  EXPECT_EQ(refusal([&] {
              rope::mrope(spec, {16, 24, 23});
            }),
            "rapt: sections: their sum is 63; it has to be 64, the number of pairs");
  EXPECT_EQ(refusal([&] {
              rope::mrope(spec, {-1, 65});
            }),
            "rapt: sections: one of them is -1; it has to be from 0 to the number of pairs");
  EXPECT_EQ(refusal([&] { rope::mrope(spec, {}); }), "rapt: sections: their number is 0; it has to be from 1 to 16");
  EXPECT_EQ(refusal([&] {
              rope::mrope_interleaved(spec, {20, 22, 22});
            }),
            "rapt: sections: section 1 is 22; only 21 pairs have that turn");
  EXPECT_NE(refusal([&] { rope::mrope_interleaved(spec, {24, 20, 21}); }), "");
  EXPECT_EQ(refusal([] { rope::vision(66); }),
            "rapt: rope: rotary_dim is 66; it has to be a multiple of 4: pairs for two axes");
  EXPECT_NE(refusal([] { rope::grid(-1, 2); }), "");
  EXPECT_NE(refusal([] { rope::grid(1, -2); }), "");
}

}  // namespace
}  // namespace rapt_test::axes_test
