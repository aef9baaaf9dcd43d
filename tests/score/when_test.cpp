// Stages that are switched off do nothing, and are not asked.
#include "rapt/score/when.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "rapt/score/band.hpp"
#include "rapt/score/bias.hpp"
#include "rapt/score/compose.hpp"
#include "rapt/score/dense_mask.hpp"
#include "rapt/score/sinks.hpp"
#include "rapt/score/softcap.hpp"
#include "support/refusal.hpp"

namespace rapt_test::when_test {
namespace {

using rapt::Box;
using rapt::Coord;
using rapt::Coverage;
using rapt::when;

TEST(When, OnIsTheStage) {
  EXPECT_FALSE(when(true, rapt::causal()).attends({0, 0, 2, 3}));
  EXPECT_EQ(when(true, rapt::causal()).covers(Box{0, 0, 0, 0, 7, 8, 15}), Coverage::none);
  EXPECT_EQ(when(true, rapt::softcap(2)).change(1e9f, Coord{}), 2.0f);
  EXPECT_EQ(when(true, rapt::causal()).describe(), "causal");
  const std::vector<float> logits{3, 4};
  EXPECT_EQ(when(true, rapt::sinks(logits)).sink(0, 1), 4);
}

/// A cap of 0 is how many a model file says that there is none.
TEST(When, ACapOfNothingMayBeOff) {
  const rapt::ProblemShape call{1, 1, 3, 4};
  for (const double cap : {0.0, 50.0}) when(cap != 0, rapt::softcap(cap)).check(call);
  EXPECT_EQ(refusal([&] { (rapt::softcap(0) | rapt::causal()).check(call); }),
            "rapt: softcap: cap is 0; it has to be positive; where 0 means none, when(cap != 0, softcap(cap))");
  EXPECT_EQ(refusal([] { rapt::softcap(-0.5); }),
            "rapt: softcap: cap is -0.5; it has to be a positive number, and finite as a float");
}

TEST(When, OffIsNothing) {
  EXPECT_TRUE(when(false, rapt::causal()).attends({0, 0, 2, 3}));
  EXPECT_EQ(when(false, rapt::causal()).covers(Box{0, 0, 0, 0, 7, 8, 15}), Coverage::all);
  EXPECT_EQ(when(false, rapt::softcap(2)).change(1e9f, Coord{}), 1e9f);
  EXPECT_EQ(when(false, rapt::causal()).describe(), "none");
  EXPECT_EQ(when(false, rapt::HeadSinks<float>{}).sink(0, 1), -std::numeric_limits<double>::infinity());
}

TEST(When, OffIsNotAskedNorChecked) {  // there is nothing where these point to
  const auto mask = when(false, rapt::DenseMask{});
  const auto bias = when(false, rapt::Bias<float>{});
  EXPECT_TRUE(mask.attends({0, 0, 2, 3}));
  EXPECT_EQ(bias.change(1.5f, Coord{}), 1.5f);
  const rapt::ProblemShape shape{1, 1, 10, 10};
  EXPECT_NO_THROW(rapt::detail::check(mask | bias, shape));
  EXPECT_THROW(rapt::detail::check(when(true, rapt::DenseMask{}), shape), std::invalid_argument);
}

TEST(When, AlignsOnlyWhileOn) {
  EXPECT_EQ(when(true, rapt::causal(rapt::align::top_left)).align, rapt::align::top_left);
  EXPECT_EQ(when(false, rapt::causal(rapt::align::top_left)).align, std::nullopt);
}

TEST(When, HasWhatTheStageHas) {
  using Mask = decltype(when(true, rapt::causal()));
  using Change = decltype(when(true, rapt::softcap(1)));
  static_assert(rapt::detail::Masks<Mask> && !rapt::detail::Changes<Mask> && !rapt::detail::Sinks<Mask>);
  static_assert(rapt::detail::Changes<Change> && !rapt::detail::Masks<Change> && !rapt::detail::Sinks<Change>);
  const auto functions = when(true, [](Coord c) { return c.key != 3; }) | when(true, [](float s, Coord) { return -s; });
  EXPECT_FALSE(functions.attends({0, 0, 9, 3}));
  EXPECT_EQ(functions.change(2.0f, Coord{}), -2.0f);
}

}  // namespace
}  // namespace rapt_test::when_test
