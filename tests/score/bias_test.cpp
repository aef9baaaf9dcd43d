// Biases: what they add, how they are broadcast, and what is refused.
#include "rapt/score/bias.hpp"

#include <Eigen/Core>
#include <cmath>
#include <string>
#include <vector>

#include "support/caches.hpp"
#include "support/refusal.hpp"

namespace rapt_test::bias_test {
namespace {

using rapt::Coord;

std::vector<float> counted(Index count) {
  std::vector<float> numbers(at(count));
  for (Index i = 0; i < count; ++i) numbers[at(i)] = static_cast<float>(i);
  return numbers;
}

TEST(Bias, AddsTheNumberOfTheQueryInTheCallAndTheKey) {
  const std::vector<float> numbers = counted(2 * 3 * 4 * 5);
  const auto stage = rapt::bias(rapt::bhsd(numbers.data(), 2, 3, 4, 5));
  EXPECT_EQ(stage.change(0.5f, Coord{1, 2, 90, 4, 3}), 119.5f);  // the position, 90, is nothing to it
  EXPECT_EQ(stage.change(0.5, Coord{0, 1, 90, 2, 1}), 27.5);
}

TEST(Bias, OfExtentOneIsForAll) {
  const std::vector<float> numbers = counted(5);
  const auto keys = rapt::bias(rapt::bhsd(numbers.data(), 1, 1, 1, 5));
  EXPECT_EQ(keys.change(0.0f, Coord{1, 2, 3, 4, 3}), 4.0f);
  const auto heads = rapt::bias(rapt::bhsd(numbers.data(), 1, 5, 1, 1));
  EXPECT_EQ(heads.change(0.0f, Coord{1, 2, 3, 4, 3}), 2.0f);
  EXPECT_EQ(refusal([&] { keys.check({7, 8, 9, 5}); }), "");
  EXPECT_EQ(refusal([&] { heads.check({7, 5, 9, 100}); }), "");
}

TEST(Bias, IsRoundedToTheElementTypeFirst) {
  const double third[1] = {1 / 3.0};
  EXPECT_EQ(rapt::bias(rapt::bhsd(third, 1, 1, 1, 1)).change(0.1f, Coord{}), 0.1f + static_cast<float>(third[0]));
  const Eigen::half half[1] = {Eigen::half(0.1f)};
  EXPECT_EQ(rapt::bias(rapt::bhsd(half, 1, 1, 1, 1)).change(0.0f, Coord{}), static_cast<float>(half[0]));
}

TEST(Bias, SaysWhatItHasToBe) {
  const std::vector<float> numbers(2 * 3 * 4 * 5);
  const auto stage = rapt::bias(rapt::bhsd(numbers.data(), 2, 3, 4, 5));
  const auto says = [&](const rapt::ProblemShape& shape) { return refusal([&] { stage.check(shape); }); };
  EXPECT_EQ(says({2, 3, 4, 5}), "");
  EXPECT_EQ(says({2, 3, 4, 2}), "");  // more keys than there are
  EXPECT_EQ(says({3, 3, 4, 5}), "rapt: bias: batch is 2; it has to be 1, or 3, as in q");
  EXPECT_EQ(says({2, 6, 4, 5}), "rapt: bias: the number of heads is 3; it has to be 1, or 6, as in q");
  EXPECT_EQ(says({2, 3, 1, 5}), "rapt: bias: the number of queries is 4; it has to be 1, or 1, as in q");
  EXPECT_EQ(says({2, 3, 4, 6}),
            "rapt: bias: the number of keys is 5; it has to be 1, or at least 6, the number of keys");
  EXPECT_EQ(refusal([] { rapt::bias(rapt::bhsd(static_cast<const float*>(nullptr), 1, 1, 2, 3)); }),
            "rapt: bias: data is a null pointer; it has to point to the elements, as no extent is 0");
  EXPECT_EQ(refusal([] { rapt::bias(rapt::bhsd(static_cast<const float*>(nullptr), 1, 1, 2, 0)); }), "");
  EXPECT_EQ(refusal([&] { rapt::bias(rapt::bhsd(numbers.data(), 1, -1, 2, 3)); }),
            "rapt: bias: the number of heads is -1; it has to be from 0 to 2^30 - 1");
  EXPECT_EQ(refusal([&] {
              rapt::bias(rapt::strided(numbers.data(), {1, 1, 4, 3}, {0, 0, Index(1) << 60, 1}));
            }),
            "rapt: bias: the stride of queries is 1152921504606846976; it has to keep the view within 2^56 elements");
}

/// Before anything is written; of a cache by its longest sequence.
TEST(Bias, OfTheWrongShapeIsRefused) {
  const Inputs<float> inputs({1, 2, 2, 3, 30, 8, 8}, 1);
  const Views<float> in = inputs.views();
  Result<float> result(inputs.shape);
  const std::vector<float> numbers(3 * 29);
  const auto stage = rapt::bias(rapt::bhsd(numbers.data(), 1, 1, 3, 29));
  const rapt::KvCache<float> cache = cache_of<float>(in, rapt::active_isa());
  const std::string says = "rapt: bias: the number of keys is 29; it has to be 1, or at least 30, the number of keys";
  EXPECT_EQ(refusal([&] { rapt::attention(in.q, in.k, in.v, result.out_view(), stage); }), says);
  EXPECT_EQ(refusal([&] { rapt::attention(in.q, cache, result.out_view(), stage); }), says);
  EXPECT_TRUE(same_bits(result, Result<float>(inputs.shape)));
}

}  // namespace
}  // namespace rapt_test::bias_test
