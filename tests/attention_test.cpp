// The front door: the ways in which attention() and plan() may be called, and what they leave to their defaults.
#include <cmath>
#include <vector>

#include "rapt/rapt.hpp"
#include "support/isas.hpp"
#include "support/tensors.hpp"

namespace rapt_test::attention_test {
namespace {

class FrontDoor : public OnEveryIsa {
 protected:
  Inputs<float> inputs{{1, 4, 2, 20, 50, 16, 8}, 1};
  Result<float> result{inputs.shape};
};

TEST_P(FrontDoor, TakesViewsOfWhatMayBeWrittenAndOfWhatMayOnlyBeRead) {
  const Result<float> expected = attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()});
  rapt::attention(inputs.q_view(), inputs.views().k, inputs.v_view(), result.out_view(), rapt::causal(),
                  {.isa = GetParam()});
  EXPECT_TRUE(same_bits(result.out, expected.out));
}

TEST_P(FrontDoor, TakesOptionsWithoutAMask) {
  const Result<float> expected = attend(inputs.views(), rapt::Plain{}, Options<float>{.isa = GetParam()});
  const Options<float> options{.lse = result.lse_view(), .isa = GetParam()};
  rapt::attention(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), options);
  EXPECT_TRUE(same_bits(result, expected));
  auto plan = rapt::plan(inputs.views().q, inputs.views().k, inputs.views().v, result.out_view(), options);
  plan.run();
  EXPECT_TRUE(same_bits(result, expected));
}

TEST_P(FrontDoor, ScalesByTheRootOfTheKeysDimensionUnlessToldOtherwise) {
  EXPECT_TRUE(same_bits(attend(inputs.views(), {}, Options<float>{.isa = GetParam()}),
                        attend(inputs.views(), {}, Options<float>{.scale = 0.25, .isa = GetParam()})));
}

TEST_P(FrontDoor, AlignsTheLastQueryWithTheLastKeyUnlessToldOtherwise) {
  const Options<float> options{.isa = GetParam()};
  const Result<float> by_default = attend(inputs.views(), rapt::causal(), options);
  EXPECT_TRUE(same_bits(by_default, attend(inputs.views(), rapt::causal(rapt::align::bottom_right), options)));
  EXPECT_TRUE(same_bits(by_default, attend(inputs.views(), rapt::causal(rapt::align::offset(30)), options)));
  EXPECT_FALSE(same_bits(by_default, attend(inputs.views(), rapt::causal(rapt::align::top_left), options)));
}

RAPT_ON_EVERY_ISA(FrontDoor);

}  // namespace
}  // namespace rapt_test::attention_test
