// Stages that are asked a row at a time have the bits of the contract, and those of the same stage asked score by
// score; whichever kernel takes the rows, on every instruction set.
#include <cmath>
#include <cstdint>

#include "support/isas.hpp"
#include "support/stages.hpp"

namespace rapt_test::rows_bits_test {
namespace {

using rapt::Coord;

class RowsBits : public OnEveryIsa {};

/// Depends on all coordinates. What is the same for a whole row is computed once.
template <bool ByRow, bool ByScore> struct Waves {
  static float slope(Coord c) { return 0.125f * static_cast<float>(1 + c.head + 2 * c.batch + c.row % 3); }
  static float changed(float score, float slope, Coord c, std::int32_t key) {
    return std::fma(slope, static_cast<float>((c.query - key) % 7), score);
  }
  float change(float score, Coord c) const requires(ByScore) { return changed(score, slope(c), c, c.key); }
  void change_row(float* scores, Index count, Coord first) const requires(ByRow) {
    const float of_row = slope(first);
    for (Index j = 0; j < count; ++j)
      scores[j] = changed(scores[j], of_row, first, first.key + static_cast<std::int32_t>(j));
  }
};
using ByRow = Waves<true, false>;
using ByScore = Waves<false, true>;
using ByBoth = Waves<true, true>;

TEST_P(RowsBits, OfAScoreChangeByRows) {
  for (const Shape& shape : shapes_of_stages()) {
    const Inputs<float> inputs(shape, 11);
    const Result<float> expected = by_contract(inputs.views(), ByScore{} | rapt::causal());
    const Options<float> options{.isa = GetParam()};
    EXPECT_TRUE(same_bits(by_contract(inputs.views(), ByRow{} | rapt::causal()), expected)) << shape;
    EXPECT_TRUE(same_bits(by_kernel(inputs.views(), ByRow{} | rapt::causal(), options), expected)) << shape;
    EXPECT_TRUE(same_bits(by_kernel(inputs.views(), ByBoth{} | rapt::causal(), options), expected)) << shape;
  }
}

TEST_P(RowsBits, OfAScoreChangeByRowsAmongOthers) {
  for (const Shape& shape : shapes_of_stages()) {
    const Inputs<float> inputs(shape, 12);
    const auto twice = [](float s, Coord) { return 2 * s; };
    const Result<float> expected = by_contract(inputs.views(), twice | (rapt::softcap(3) | ByScore{}));
    EXPECT_TRUE(
        same_bits(by_kernel(inputs.views(), twice | (rapt::softcap(3) | ByRow{}), {.isa = GetParam()}), expected))
        << shape;
  }
}

/// A mask with rows at hand, and one more member that shows which one was asked.
struct Comb {
  mutable bool* asked_by_row = nullptr;

  bool attends(Coord c) const { return (c.key + c.query + c.head) % 3 != 0; }
  std::uint64_t row_bits(Coord first, Index count) const {
    if (asked_by_row != nullptr) *asked_by_row = true;
    std::uint64_t bits = 0;
    for (Index j = 0; j < count; ++j) {
      Coord c = first;
      c.key += static_cast<std::int32_t>(j);
      bits |= std::uint64_t(attends(c)) << j;
    }
    return bits;
  }
};

TEST_P(RowsBits, OfAMaskByRows) {
  for (const Shape& shape : shapes_of_stages()) {
    const Inputs<float> inputs(shape, 13);
    const Result<float> expected = by_contract(inputs.views(), [](Coord c) { return Comb{}.attends(c); });
    bool asked = false;
    EXPECT_TRUE(same_bits(by_kernel(inputs.views(), Comb{&asked}, {.isa = GetParam()}), expected)) << shape;
    EXPECT_TRUE(asked || shape.q_len * shape.q_heads / shape.kv_heads <= 16) << shape;
  }
}

/// A function that has a stage's other members as well: they are not lost.
struct Judging {
  bool* asked;
  bool operator()(Coord) const { return true; }
  rapt::Coverage covers(const rapt::Box&) const {
    *asked = true;
    return rapt::Coverage::all;
  }
};

TEST_P(RowsBits, AFunctionKeepsItsOtherMembers) {
  const Shape shape{1, 2, 1, 33, 70, 8, 8};
  const Inputs<float> inputs(shape, 14);
  bool asked = false;
  EXPECT_TRUE(same_bits(by_kernel(inputs.views(), Judging{&asked}, {.isa = GetParam()}),
                        by_contract(inputs.views(), rapt::Plain{})));
  EXPECT_TRUE(asked);
}

RAPT_ON_EVERY_ISA(RowsBits);

}  // namespace
}  // namespace rapt_test::rows_bits_test
