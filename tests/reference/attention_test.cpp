// The naive oracle against numbers worked out by hand.
#include <cmath>
#include <limits>
#include <vector>

#include "support/tensors.hpp"

namespace rapt_test::attention_test {
namespace {

/// Two queries, three keys of two dims, values of one dim. With scale 1 the scores are
///   query 0 = (1, 0): 0, ln 2, ln 3        query 1 = (0, 1): ln 4, 0, 0
/// so that the exponentials are 1, 2, 3 and 4, 1, 1.
template <class T> struct ByHand {
  std::vector<T> q = {1, 0, 0, 1};
  std::vector<T> k = {0, std::log(T(4)), std::log(T(2)), 0, std::log(T(3)), 0};
  std::vector<T> v = {6, 12, 24};
  std::vector<T> out = std::vector<T>(2), lse = out;

  template <class S> void run(const S& score, double scale = 1) {
    rapt::reference::attention<T>(rapt::bhsd<const T>(q.data(), 1, 1, 2, 2), rapt::bhsd<const T>(k.data(), 1, 1, 3, 2),
                                  rapt::bhsd<const T>(v.data(), 1, 1, 3, 1), rapt::bhsd(out.data(), 1, 1, 2, 1), score,
                                  {.scale = scale, .lse = rapt::lse_bhs(lse.data(), 1, 1, 2)});
  }
};

TEST(Reference, AveragesTheValuesByTheExponentialsOfTheScores) {
  ByHand<double> hand;
  hand.run(rapt::Plain{});
  EXPECT_NEAR(hand.out[0], (1 * 6 + 2 * 12 + 3 * 24) / 6.0, 1e-14);  // 17
  EXPECT_NEAR(hand.out[1], (4 * 6 + 1 * 12 + 1 * 24) / 6.0, 1e-14);  // 10
  EXPECT_NEAR(hand.lse[0], std::log(6.0), 1e-15);
  EXPECT_NEAR(hand.lse[1], std::log(6.0), 1e-15);
}

TEST(Reference, LeavesOutWhatIsMasked) {
  ByHand<double> hand;
  hand.run(rapt::causal());  // bottom-right: query 0 stands at key 1
  EXPECT_NEAR(hand.out[0], (1 * 6 + 2 * 12) / 3.0, 1e-14);
  EXPECT_NEAR(hand.out[1], 10, 1e-14);
  EXPECT_NEAR(hand.lse[0], std::log(3.0), 1e-15);
  hand.run(rapt::causal(rapt::align::top_left));
  EXPECT_NEAR(hand.out[0], 6, 1e-14);
  EXPECT_NEAR(hand.out[1], (4 * 6 + 1 * 12) / 5.0, 1e-14);
  hand.run(rapt::window(0, 1, rapt::align::offset(1)));
  EXPECT_NEAR(hand.out[0], (2 * 12 + 3 * 24) / 5.0, 1e-14);
  EXPECT_NEAR(hand.out[1], 24, 1e-14);
}

TEST(Reference, MultipliesTheScoresWithTheScale) {
  ByHand<double> hand;
  hand.run(rapt::Plain{}, 2);  // squares the exponentials
  EXPECT_NEAR(hand.out[0], (1 * 6 + 4 * 12 + 9 * 24) / 14.0, 1e-13);
  hand.run(rapt::Plain{}, -1);
  EXPECT_NEAR(hand.out[0], (6 + 12 / 2.0 + 24 / 3.0) / (1 + 1 / 2.0 + 1 / 3.0), 1e-13);
  hand.run(rapt::Plain{}, 0);
  EXPECT_NEAR(hand.out[0], 14, 1e-13);
}

TEST(Reference, GivesZeroAndMinusInfinityToARowWithoutKeys) {
  ByHand<double> hand;
  hand.run(rapt::causal(rapt::align::offset(-1)));
  EXPECT_EQ(hand.out[0], 0);
  EXPECT_EQ(hand.lse[0], -std::numeric_limits<double>::infinity());
  EXPECT_NEAR(hand.out[1], 6, 1e-14);
}

TEST(Reference, ReadsTheKeysOfTheOwnGroupAndBatch) {
  // Each key/value head has one key, and its value names it.
  std::vector<float> q(2 * 6), k(2 * 3), v = {0, 1, 2, 10, 11, 12}, out(2 * 6);
  rapt::reference::attention<float>(rapt::bhsd<const float>(q.data(), 2, 6, 1, 1),
                                    rapt::bhsd<const float>(k.data(), 2, 3, 1, 1),
                                    rapt::bhsd<const float>(v.data(), 2, 3, 1, 1), rapt::bhsd(out.data(), 2, 6, 1, 1));
  EXPECT_EQ(out, (std::vector<float>{0, 0, 1, 1, 2, 2, 10, 10, 11, 11, 12, 12}));
}

TEST(Reference, ScalesByTheRootOfTheKeysDimensionUnlessToldOtherwise) {
  const Inputs<double> inputs({1, 1, 1, 3, 9, 16, 5}, 1);
  EXPECT_TRUE(same_bits(attend_by_reference(inputs.views()),
                        attend_by_reference(inputs.views(), {}, Options<double>{.scale = 0.25})));
}

}  // namespace
}  // namespace rapt_test::attention_test
