// NaN, infinities and numbers near the largest: they reach the outputs that they belong to, as in the transcription,
// and no other.
#include "linear/projections.hpp"
#include "support/isas.hpp"

namespace rapt_test::linear_nonfinite_test {
namespace {

class LinearNonfinite : public OnEveryIsa {
 protected:
  template <class T> std::vector<T> expect_transcribed(const Projection<T>& p) {
    const std::vector<T> y = projected(p.linear(), p, {.isa = GetParam()});
    EXPECT_TRUE(same_bits(y, transcribed(p)));
    return y;
  }
};

template <class T> constexpr T inf = std::numeric_limits<T>::infinity();

/// Where an infinite input meets the zeros that fill a panel up, NaNs arise; they stay there.
TEST_P(LinearNonfinite, InputsReachTheirRowAndNotThePaddingsNeighbours) {
  for (float bad : {inf<float>, -inf<float>, std::numeric_limits<float>::quiet_NaN()}) {
    Projection<float> p({8, 600, 67});
    p.x[at(3 * 600 + 5)] = bad;
    const std::vector<float> y = expect_transcribed(p);
    for (Index i = 0; i < 8 * 67; ++i) EXPECT_EQ(std::isfinite(y[at(i)]), i / 67 != 3) << bad << " at " << i;
  }
}

TEST_P(LinearNonfinite, WeightsAndBiasesReachTheirOutput) {
  for (double bad : {inf<double>, -inf<double>, std::numeric_limits<double>::quiet_NaN()}) {
    Projection<double> p({8, 40, 40});
    p.weight[at(7 * 40 + 39)] = bad;
    p.bias[33] = bad;
    const std::vector<double> y = expect_transcribed(p);
    for (Index i = 0; i < 8 * 40; ++i)
      EXPECT_EQ(std::isfinite(y[at(i)]), i % 40 != 7 && i % 40 != 33) << bad << " at " << i;
  }
}

/// Which of two NaNs an instruction passes on, and the sign of one that it makes, differ between machines.
TEST_P(LinearNonfinite, EveryNaNIsTheSame) {
  Projection<float> p({7, 20, 66});
  p.x[3] = from_bits<float>(0xffc12345);
  p.weight[3] = from_bits<float>(0x7fabcdef);
  p.bias[0] = from_bits<float>(0xffffffff);
  p.x[20] = inf<float>;
  p.x[21] = -inf<float>;
  const std::vector<float> y = expect_transcribed(p);
  EXPECT_EQ(bits(y[0]), 0x7fc00000u);
}

TEST_P(LinearNonfinite, ZeroTimesInfinityIsNaN) {
  Projection<float> p({6, 8, 64});
  p.x.assign(p.x.size(), 0.f);
  p.weight[2] = inf<float>;
  EXPECT_TRUE(std::isnan(expect_transcribed(p)[0]));
}

TEST_P(LinearNonfinite, LargeAndSmallNumbersAreTakenInOrder) {
  Projection<float> p({6, 4, 65});
  const float large = std::numeric_limits<float>::max();
  for (Index r = 0; r < 6; ++r)
    for (Index i = 0; i < 4; ++i) p.x[at(4 * r + i)] = i % 2 == 0 ? large : -large;
  p.weight.assign(p.weight.size(), 1.f);
  EXPECT_EQ(expect_transcribed(p)[0], 0.f);
  p.weight.assign(p.weight.size(), 1e-45f);  // a denormal
  p.bias.assign(p.bias.size(), -1e-45f);
  expect_transcribed(p);
  for (float& x : p.x) x = 0.4f;
  expect_transcribed(p);
}

TEST_P(LinearNonfinite, ZerosHaveTheSignOfTheTranscription) {
  Projection<float> p({6, 3, 65});
  p.x.assign(p.x.size(), -0.f);
  p.bias.assign(p.bias.size(), -0.f);
  expect_transcribed(p);
}

RAPT_ON_EVERY_ISA(LinearNonfinite);

}  // namespace
}  // namespace rapt_test::linear_nonfinite_test
