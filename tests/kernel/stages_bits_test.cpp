// Stages have the bits of the contract: score changes, masks by a function, sinks, and compositions of them; whichever
// kernel takes the rows, on every instruction set, in chunks and with threads.
#include <cmath>

#include "rapt/score/softcap.hpp"
#include "support/isas.hpp"
#include "support/stages.hpp"

namespace rapt_test::stages_bits_test {
namespace {

using rapt::Coord;

/// A logit of its own for each head, and none for head 1.
struct SinkOfHead {
  double sink(std::int32_t, std::int32_t head) const {
    return head == 1 ? -std::numeric_limits<double>::infinity() : 0.75 * head - 1;
  }
};

/// Sees every coordinate.
struct Stripes {
  bool attends(Coord c) const { return (c.key / 5 + c.query + c.head + c.batch + c.row) % 4 != 0; }
};

template <class T> void expect_contracts_bits(Isa isa, const auto& score) {
  std::uint64_t seed = 7;
  ThreadExecutor threads(3);
  for (const Shape& shape : shapes_of_stages()) {
    const Inputs<T> inputs(shape, ++seed);
    const Result<T> expected = by_contract(inputs.views(), score);
    EXPECT_TRUE(same_bits(by_kernel(inputs.views(), score, Options<T>{.isa = isa}), expected)) << shape;
    EXPECT_TRUE(same_bits(by_kernel(inputs.views(), score, Options<T>{.executor = &threads, .isa = isa}), expected))
        << shape << ", 3 threads";
  }
}

class StagesBits : public OnEveryIsa {};

TEST_P(StagesBits, OfSoftcap) {
  expect_contracts_bits<float>(GetParam(), rapt::softcap(2) | rapt::causal());
  expect_contracts_bits<double>(GetParam(), rapt::softcap(2) | rapt::causal());
}

TEST_P(StagesBits, OfAScoreFunction) {
  expect_contracts_bits<float>(
      GetParam(), [](float s, Coord c) { return std::fma(0.0625f, static_cast<float>(c.key - c.query), s); });
}

TEST_P(StagesBits, OfElementaryFunctionsInAScoreFunction) {
  expect_contracts_bits<float>(
      GetParam(), [](float s, Coord c) { return rapt::fast_tanh(s) - rapt::fast_exp(static_cast<float>(-c.head)); });
}

TEST_P(StagesBits, OfAMaskFunctionAfterABand) {
  expect_contracts_bits<float>(
      GetParam(), rapt::window(100, 3) | [](Coord c) { return c.key % 3 != c.head; });
}

/// Tiles of which nothing is attended are found out, and so are those of which all is.
TEST_P(StagesBits, OfAMaskFunctionThatLeavesWholeTilesOut) {
  expect_contracts_bits<float>(GetParam(), [](Coord c) { return c.key / 64 % 2 == 1; });
}

TEST_P(StagesBits, OfManyStages) {
  expect_contracts_bits<float>(
      GetParam(), Stripes{} | rapt::softcap(3) | SinkOfHead{} | rapt::causal() |
                      [](float s, Coord c) { return s * static_cast<float>(1 + c.row % 2); });
}

/// Sinks above and below the scores: what is rescaled by them is rounded before they are added.
TEST_P(StagesBits, OfSinksAnywhereAmongTheScores) {
  struct HighSink {
    double sink(std::int32_t batch, std::int32_t head) const { return 0.625 * (head + 3 * batch) - 0.5; }
  };
  expect_contracts_bits<float>(GetParam(), HighSink{});
  expect_contracts_bits<double>(GetParam(), HighSink{});
}

/// In the order written.
TEST_P(StagesBits, DependOnTheOrder) {
  const auto twice = [](float s, Coord) { return 2 * s; };
  const Inputs<float> inputs(shapes_of_stages()[0], 1);
  const Options<float> options{.isa = GetParam()};
  const Result<float> before = by_kernel(inputs.views(), twice | rapt::softcap(2), options),
                      after = by_kernel(inputs.views(), rapt::softcap(2) | twice, options);
  EXPECT_FALSE(same_bits(before, after));
}

/// A row without a key still has its sink.
TEST_P(StagesBits, OfRowsWithASinkAndNoKey) {
  const Inputs<float> inputs({1, 2, 2, 4, 8, 8, 8}, 2);
  const Result<float> result = by_kernel(
      inputs.views(), rapt::Plain{} | SinkOfHead{} | [](Coord) { return false; }, Options<float>{.isa = GetParam()});
  for (const float x : result.out) EXPECT_EQ(x, 0);
  EXPECT_EQ(result.lse_of(0, 0, 0), -1);
  EXPECT_EQ(result.lse_of(0, 1, 0), -std::numeric_limits<float>::infinity());
}

/// What is masked can't reach the result by way of a score change either.
TEST_P(StagesBits, AreNotReachedByWhatIsMasked) {
  Inputs<float> inputs({1, 2, 2, 40, 100, 8, 8}, 3);
  const auto score = rapt::softcap(4) | [](Coord c) { return c.key % 5 != 2; };
  const Options<float> options{.isa = GetParam()};
  const Result<float> clean = by_kernel(inputs.views(), score, options);
  for (Index h = 0; h < 2; ++h)
    for (Index j = 2; j < 100; j += 5)
      for (Index d = 0; d < 8; ++d) {
        inputs.k_view()(0, h, j, d) = std::numeric_limits<float>::quiet_NaN();
        inputs.v_view()(0, h, j, d) = std::numeric_limits<float>::infinity();
      }
  EXPECT_TRUE(same_bits(by_kernel(inputs.views(), score, options), clean));
}

RAPT_ON_EVERY_ISA(StagesBits);

}  // namespace
}  // namespace rapt_test::stages_bits_test
