// xPos: scales that only the distance is left of.
#include "rapt/rope/xpos.hpp"

#include "rapt/rope/table.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::xpos_test {
namespace {

namespace rope = rapt::rope;

/// The length of (cosine, sine) of pair p in row r: the scale.
double scale(const rope::Table<double>& table, Index r, Index p) {
  return std::hypot(table.cosine(r)[p], table.sine(r)[p]);
}

TEST(RopeXPos, ScalesAreThePapersPowers) {
  const rope::Table<double> queries(rope::xpos(64, rope::Side::queries), 2000);
  for (const Index r : {0, 1, 511, 512, 1999})
    for (Index p = 0; p < 32; ++p) {
      const double zeta = (static_cast<double>(p) / 32 + 0.4) / 1.4;
      const double exact = std::pow(zeta, static_cast<double>(r) / 512);
      EXPECT_NEAR(scale(queries, r, p) / exact, 1, 1e-13) << r << ", pair " << p;
    }
}

TEST(RopeXPos, AKeysScaleIsTheInverseOfAQuerys) {
  const rope::XPos options{.scale_base = 300, .centre = 700};
  const rope::Table<double> queries(rope::xpos(32, rope::Side::queries, options), 1500);
  const rope::Table<double> keys(rope::xpos(32, rope::Side::keys, options), 1500);
  for (Index r = 0; r < 1500; r += 7)
    for (Index p = 0; p < 16; ++p) EXPECT_NEAR(scale(queries, r, p) * scale(keys, r, p), 1, 1e-13);
  for (Index p = 0; p < 16; ++p) EXPECT_NEAR(scale(queries, 700, p), 1, 1e-15);
}

TEST(RopeXPos, RefusesWhatCantBe) {
  EXPECT_NE(refusal([] { rope::xpos(64, rope::Side::keys, {.gamma = 0}); }), "");
  EXPECT_NE(refusal([] { rope::xpos(64, rope::Side::keys, {.scale_base = -1}); }), "");
  EXPECT_NE(refusal([] { rope::xpos(63, rope::Side::keys); }), "");
}

TEST(RopeXPos, ATableRefusesScalesThatItCantHold) {
  const rope::Spec keys = rope::xpos(64, rope::Side::keys);
  EXPECT_EQ(refusal([&] { rope::Table<float>(keys, 40000); }).substr(0, 70),
            "rapt: positions: position 35557 has a scale that is too large or too s");
  EXPECT_EQ(refusal([&] { rope::Table<double>(keys, 40000); }), "");
}

}  // namespace
}  // namespace rapt_test::xpos_test
