// Bands: which keys a query attends to, what is said of a box of scores, and how masks compose.
#include <stdexcept>
#include <string>

#include "support/random.hpp"
#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::band_test {
namespace {

using rapt::Band;
using rapt::Box;
using rapt::causal;
using rapt::Coord;
using rapt::Coverage;
using rapt::window;

bool attends(const Band& band, std::int32_t query, std::int32_t key) { return band.attends(Coord{0, 0, query, key}); }

TEST(Band, CausalAttendsToTheOwnPositionAndThoseBefore) {
  EXPECT_TRUE(attends(causal(), 5, 5));
  EXPECT_TRUE(attends(causal(), 5, 0));
  EXPECT_FALSE(attends(causal(), 5, 6));
  EXPECT_FALSE(attends(causal(), -1, 0));
}

TEST(Band, WindowsDistancesAreInclusive) {
  const Band band = window(3, 2);
  for (std::int32_t key = 0; key < 20; ++key) EXPECT_EQ(attends(band, 10, key), key >= 7 && key <= 12) << key;
}

TEST(Band, WindowOfMinusOneIsUnbounded) {
  const std::int32_t far = (1 << 30) - 1;
  EXPECT_TRUE(attends(window(-1, 0), far, 0));
  EXPECT_FALSE(attends(window(-1, 0), 0, 1));
  EXPECT_TRUE(attends(window(0, -1), -far, far));
  EXPECT_FALSE(attends(window(0, -1), far, far - 1));
  EXPECT_TRUE(attends(window(-1, -1), 2 * far, 0));
}

TEST(Band, WindowRefusesOtherNegativeDistancesInWords) {
  EXPECT_EQ(refusal([] { window(-2, 0); }), "rapt: window: left is -2; it has to be a distance, or -1 for unbounded");
  EXPECT_EQ(refusal([] { window(0, -9); }), "rapt: window: right is -9; it has to be a distance, or -1 for unbounded");
  EXPECT_EQ(refusal([] { window(Index(1) << 31, 0); }),
            "rapt: window: left is 2147483648; it has to be a distance, or -1 for unbounded");
}

TEST(Band, CompositionAttendsToWhatBothAttendTo) {
  const Band bands[] = {causal(), window(4, 2), window(-1, 3), window(1, -1), window(0, 0), window(-1, -1)};
  for (const Band& a : bands)
    for (const Band& b : bands)
      for (std::int32_t query = -3; query < 12; ++query)
        for (std::int32_t key = 0; key < 12; ++key)
          EXPECT_EQ(attends(a | b, query, key), attends(a, query, key) && attends(b, query, key));
}

TEST(Band, CompositionKeepsTheOneAlignmentThatIsSet) {
  EXPECT_FALSE((causal() | window(3, 0)).align.has_value());
  EXPECT_EQ((causal(rapt::align::top_left) | window(3, 0)).align, rapt::align::top_left);
  EXPECT_EQ((causal() | window(3, 0, rapt::align::offset(7))).align, rapt::align::offset(7));
  EXPECT_EQ((causal(rapt::align::offset(7)) | window(3, 0, rapt::align::offset(7))).align, rapt::align::offset(7));
}

TEST(Band, CompositionOfTwoAlignmentsIsRefusedInWords) {
  EXPECT_EQ(refusal([] { causal(rapt::align::top_left) | window(3, 0, rapt::align::bottom_right); }),
            "rapt: score: is composed of a top-left and a bottom-right alignment; one composition has one alignment");
  EXPECT_EQ(refusal([] { causal(rapt::align::offset(1)) | causal(rapt::align::offset(2)); }),
            "rapt: score: is composed of a offset 1 and a offset 2 alignment; one composition has one alignment");
}

TEST(Band, CoversSaysNoneOnlyOfAnEmptyBoxAndAllOnlyOfAFullOne) {
  Random random(1);
  int none = 0, all = 0, some = 0;
  for (int turn = 0; turn < 20000; ++turn) {
    const auto side = [&] { return random.below(6) == 0 ? Index(-1) : random.below(12); };
    const Band band = window(side(), side());
    const auto start = [&] { return static_cast<std::int32_t>(random.below(30) - 8); };
    const auto size = [&] { return static_cast<std::int32_t>(random.below(8)); };
    const std::int32_t query = start(), key = start();
    const Box box{0, 0, 0, query, query + size(), key, key + size()};
    int attended = 0, scores = 0;
    for (std::int32_t i = box.first_query; i <= box.last_query; ++i)
      for (std::int32_t j = box.first_key; j <= box.last_key; ++j) ++scores, attended += attends(band, i, j);
    const Coverage covers = band.covers(box);
    ASSERT_EQ(covers == Coverage::all, attended == scores);
    ASSERT_EQ(covers == Coverage::none, attended == 0);
    none += covers == Coverage::none, all += covers == Coverage::all, some += covers == Coverage::some;
  }
  EXPECT_GT(std::min(none, std::min(all, some)), 1000);
}

TEST(Band, CoversStandsTheFarthestPositions) {
  const std::int32_t far = (1 << 30) - 1;
  EXPECT_EQ(causal().covers(Box{0, 0, 0, 2 * far, 2 * far, 0, far}), Coverage::all);
  EXPECT_EQ(causal().covers(Box{0, 0, 0, -far, -far, 0, far}), Coverage::none);
  EXPECT_EQ(window(-1, -1).covers(Box{0, 0, 0, -far, 2 * far, 0, far}), Coverage::all);
}

TEST(Band, DescribesItselfInThePublicWords) {
  EXPECT_EQ(causal().describe(), "causal");
  EXPECT_EQ(causal(rapt::align::top_left).describe(), "causal, top-left");
  EXPECT_EQ(causal(rapt::align::offset(-3)).describe(), "causal, offset -3");
  EXPECT_EQ(window(7, 2).describe(), "window(7, 2)");
  EXPECT_EQ(window(-1, 2, rapt::align::bottom_right).describe(), "window(-1, 2), bottom-right");
  EXPECT_EQ((causal() | window(7, 7)).describe(), "causal | window(7, -1)");
}

TEST(Align, SaysTheFirstQuerysPosition) {
  EXPECT_EQ(rapt::align::bottom_right.first_position(3, 10), 7);
  EXPECT_EQ(rapt::align::bottom_right.first_position(10, 3), -7);
  EXPECT_EQ(rapt::align::top_left.first_position(3, 10), 0);
  EXPECT_EQ(rapt::align::offset(-4).first_position(3, 10), -4);
  EXPECT_EQ(rapt::Align{}, rapt::align::bottom_right);
}

TEST(Plain, AttendsToEverythingAndSaysSo) {
  EXPECT_TRUE(rapt::Plain{}.attends(Coord{0, 0, -5, 100}));
  EXPECT_EQ(rapt::Plain{}.covers(Box{0, 0, 3, -9, 9, 0, 63}), Coverage::all);
  EXPECT_EQ(rapt::Plain{}.describe(), "none");
}

TEST(Score, IsWhatAttentionTakesAsAMask) {
  EXPECT_TRUE(rapt::Score<rapt::Plain>);
  EXPECT_TRUE(rapt::Score<Band>);
  EXPECT_FALSE(rapt::Score<int>);
  EXPECT_FALSE(rapt::Score<rapt::Align>);
}

}  // namespace
}  // namespace rapt_test::band_test
