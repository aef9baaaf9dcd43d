// Sequences of 131,072 tokens.
#include <cmath>
#include <vector>

#include "support/error_bound.hpp"
#include "support/executors.hpp"
#include "support/isas.hpp"

namespace rapt_test::forward_long_test {
namespace {

constexpr Index long_length = 131072;

class ForwardLong : public OnEveryIsa {};

TEST_P(ForwardLong, AFewQueriesOverLongKeysGiveTheContractsBits) {
  const Inputs<float> inputs({1, 2, 1, 2, long_length, 8, 8}, 1);
  const Result<float> expected = attend_by_contract(inputs.views(), rapt::causal());
  EXPECT_TRUE(same_bits(attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()}), expected));
  ReverseExecutor split(7);
  EXPECT_TRUE(same_bits(attend(inputs.views(), rapt::causal(), Options<float>{.executor = &split, .isa = GetParam()}),
                        expected));
}

TEST_P(ForwardLong, AFewQueriesOverLongKeysAreWithinTheBound) {
  const Inputs<float> inputs({1, 1, 1, 4, long_length, 8, 8}, 2);
  const Result<float> found = attend(inputs.views(), rapt::causal(), Options<float>{.isa = GetParam()});
  EXPECT_TRUE((within_bound<float, double>(found, inputs, rapt::causal())));
}

TEST_P(ForwardLong, AWindowOverALongPrefillGivesTheContractsBits) {
  const Inputs<float> inputs({1, 1, 1, long_length, long_length, 4, 4}, 3);
  const Mask mask = rapt::window(30, 0);
  const Result<float> whole = attend(inputs.views(), mask, Options<float>{.isa = GetParam()});
  for (const Index first : {Index(0), Index(500), long_length / 2 - 20, long_length - 40}) {
    Views<float> some = inputs.views();
    some.q.data += first * some.q.stride[2];
    some.q.extent[2] = 40;
    some.k.extent[2] = some.v.extent[2] = first + 40;
    // The contract's transcription goes through all the keys: its mask is all it has to find out which ones matter.
    const Result<float> expected = attend_by_contract(some, mask);
    for (Index i = 0; i < 40; ++i)
      ASSERT_TRUE(same_bits(whole.row(0, 0, first + i), expected.row(0, 0, i), 4)) << "query " << first + i;
  }
}

RAPT_ON_EVERY_ISA(ForwardLong);

TEST(ForwardLongHead, AWholeCausalHeadAveragesItsValues) {
  // With equal keys the softmax is uniform: query i's output is the mean of the values 0 … i, here of ones and of
  // positions.
  const Index n = 16384, few = 2;
  std::vector<float> zeros(few), v(at(n * 2));
  for (Index i = 0; i < n; ++i) v[at(2 * i)] = 1, v[at(2 * i + 1)] = static_cast<float>(i);
  Result<float> result({1, 1, 1, n, n, few, 2});
  const View<const float> constant = rapt::strided<const float>(zeros.data(), {1, 1, n, few}, {0, 0, 0, 1});
  rapt::attention(constant, constant, rapt::bhsd(v.data(), 1, 1, n, 2), result.out_view(), rapt::causal(),
                  {.lse = result.lse_view()});
  for (Index i = 0; i < n; i += 37) {
    EXPECT_NEAR(result.row(0, 0, i)[0], 1, 1e-5);
    EXPECT_NEAR(result.row(0, 0, i)[1], static_cast<double>(i) / 2, 1e-4 * static_cast<double>(i) + 1e-6);
    EXPECT_NEAR(result.lse_of(0, 0, i), std::log(static_cast<double>(i + 1)), 1e-5);
  }
}

}  // namespace
}  // namespace rapt_test::forward_long_test
