// Compositions of stages: what they attend to, what they say of a box, and what can't be composed.
#include "rapt/score/compose.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "rapt/score/band.hpp"
#include "rapt/score/softcap.hpp"

namespace rapt_test::compose_test {
namespace {

using rapt::Box;
using rapt::Coord;
using rapt::Coverage;

TEST(Compose, AppliesChangesInTheOrderWritten) {
  const auto add = [](float s, Coord) { return s + 1; };
  const auto twice = [](float s, Coord) { return 2 * s; };
  const auto none = rapt::Plain{};
  EXPECT_EQ(rapt::detail::changed(none | add | twice, 3.0f, Coord{}), 8);
  EXPECT_EQ(rapt::detail::changed(none | twice | add, 3.0f, Coord{}), 7);
}

TEST(Compose, AttendsWhereAllMasksDo) {
  const auto even = rapt::causal() | [](Coord c) { return c.key % 2 == 0; };
  EXPECT_TRUE(even.attends({0, 0, 5, 4}));
  EXPECT_FALSE(even.attends({0, 0, 5, 3}));
  EXPECT_FALSE(even.attends({0, 0, 5, 6}));
}

TEST(Compose, KnowsABoxThatOneMaskShuts) {
  const auto even = rapt::causal() | [](Coord c) { return c.key % 2 == 0; };
  EXPECT_EQ(even.covers(Box{0, 0, 0, 0, 7, 8, 15}), Coverage::none);
  EXPECT_EQ(even.covers(Box{0, 0, 0, 20, 27, 8, 15}), Coverage::some);  // the function has to be asked
  const auto changed = rapt::causal() | rapt::softcap(3);
  EXPECT_EQ(changed.covers(Box{0, 0, 0, 20, 27, 8, 15}), Coverage::all);
}

TEST(Compose, KeepsTheOneAlignment) {
  EXPECT_EQ((rapt::softcap(3) | rapt::causal(rapt::align::top_left)).align, rapt::align::top_left);
  EXPECT_EQ((rapt::softcap(3) | rapt::causal()).align, std::nullopt);
  EXPECT_THROW((rapt::causal(rapt::align::top_left) | rapt::softcap(3) | rapt::causal(rapt::align::offset(1))),
               std::invalid_argument);
}

TEST(Compose, DescribesItself) {
  EXPECT_EQ((rapt::softcap(50) | rapt::causal()).describe(), "softcap(50) | causal");
  EXPECT_EQ((rapt::causal() | [](Coord) { return true; }).describe(), "causal | a mask function");
}

TEST(Softcap, RefusesABoundThatIsNone) {
  for (const double cap : {-1.0, std::numeric_limits<double>::quiet_NaN(), 1e60, 1e-60})
    EXPECT_THROW(rapt::softcap(cap), std::invalid_argument) << cap;
}

TEST(Softcap, StaysWithinItsBound) {
  const rapt::Softcap stage = rapt::softcap(50);
  EXPECT_EQ(stage.change(1e30f, Coord{}), 50.0f);
  EXPECT_EQ(stage.change(-1e30f, Coord{}), -50.0f);
  EXPECT_NEAR(stage.change(1.0, Coord{}), 50 * std::tanh(1 / 50.0), 1e-14);
}

}  // namespace
}  // namespace rapt_test::compose_test
