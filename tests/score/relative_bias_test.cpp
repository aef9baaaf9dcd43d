// Relative biases: T5's buckets against the published formula, tables by distance, and what is refused.
#include "rapt/score/relative_bias.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/refusal.hpp"
#include "support/tensors.hpp"

namespace rapt_test::relative_bias_test {
namespace {

using rapt::Coord;
using rapt::T5Buckets;

/// As T5's own code has it, in T: _relative_position_bucket() of its position biases.
template <class T> Index published_bucket(const T5Buckets& b, Index ahead) {
  Index bucket = 0, buckets = b.num_buckets, n = -ahead;
  if (b.bidirectional) {
    buckets /= 2;
    if (n < 0) bucket += buckets;
    n = std::abs(n);
  } else {
    n = std::max<Index>(n, 0);
  }
  const Index exact = buckets / 2;
  if (n < exact) return bucket + n;
  const T steps = std::log(static_cast<T>(n) / static_cast<T>(exact)) /
                  static_cast<T>(std::log(static_cast<double>(b.max_distance) / static_cast<double>(exact))) *
                  static_cast<T>(buckets - exact);
  return bucket + std::min(exact + static_cast<Index>(steps), buckets - 1);
}

TEST(T5Buckets, AreThePublishedOnes) {
  for (const bool bidirectional : {true, false})
    for (const Index buckets : {4, 8, 12, 32, 64, 128})
      for (const Index distance : {20, 64, 100, 128, 256, 1024}) {
        const T5Buckets b{bidirectional, buckets, distance};
        if (b.exact() >= distance) continue;
        for (Index ahead = -3 * distance; ahead <= 3 * distance; ++ahead) {
          ASSERT_EQ(b.bucket(ahead), published_bucket<float>(b, ahead)) << buckets << " " << distance << " " << ahead;
          ASSERT_EQ(b.bucket(ahead), published_bucket<double>(b, ahead)) << buckets << " " << distance << " " << ahead;
        }
      }
}

/// Where the logarithm comes out whole: of 16 buckets a direction, 8 distances and steps of √2 up to 128.
TEST(T5Buckets, BeginExactlyAtPowersOfTheStep) {
  const T5Buckets b{};
  const Index begins[8] = {8, 12, 16, 23, 32, 46, 64, 91};
  for (Index k = 0; k < 8; ++k) {
    EXPECT_EQ(b.bucket(-begins[k]), 8 + k);
    EXPECT_EQ(b.bucket(-begins[k] + 1), 8 + k - 1);
    EXPECT_EQ(b.bucket(begins[k]), 16 + 8 + k);
  }
  EXPECT_EQ(b.bucket(-128), 15);
  EXPECT_EQ(b.bucket(-1000000), 15);
  EXPECT_EQ(b.bucket(0), 0);
  EXPECT_EQ(b.bucket(1), 17);
  const T5Buckets causal{.bidirectional = false};
  EXPECT_EQ(causal.bucket(5), 0);
  EXPECT_EQ(causal.bucket(-15), 15);
  EXPECT_EQ(causal.bucket(-127), 31);
}

TEST(RelativeBias, OfT5TakesTheNumberOfTheBucketAndHead) {
  const std::vector<double> table = random_numbers<double>(32 * 3, 1);
  for (const bool bidirectional : {true, false}) {
    const T5Buckets b{.bidirectional = bidirectional};
    const auto stage = rapt::relative_bias(rapt::row_major(table.data(), 32, 3), b);
    for (std::int32_t ahead = -300; ahead <= 300; ++ahead)
      for (std::int32_t h = 0; h < 3; ++h)
        ASSERT_EQ(stage.change(0.0, Coord{0, h, 300, 300 + ahead}), table[at(b.bucket(ahead) * 3 + h)]);
  }
}

TEST(RelativeBias, ByDistanceTakesTheLastNumberForWhatIsFarther) {
  const float table[2 * 4] = {1, 2, 3, 4, 10, 20, 30, 40};  // left 2, right 1
  const auto stage = rapt::relative_bias(rapt::row_major(table, 2, 4), 2, 1);
  const auto found = [&](std::int32_t head, std::int32_t ahead) {
    return stage.change(0.5f, Coord{0, head, 50, 50 + ahead});
  };
  EXPECT_EQ(found(0, 0), 3.5f);
  EXPECT_EQ(found(0, -2), 1.5f);
  EXPECT_EQ(found(0, -40), 1.5f);
  EXPECT_EQ(found(1, 1), 40.5f);
  EXPECT_EQ(found(1, 33), 40.5f);
}

TEST(RelativeBias, SaysWhatItHasToBe) {
  const std::vector<float> numbers(64 * 64);
  const auto table = [&](Index rows, Index columns) { return rapt::row_major(numbers.data(), rows, columns); };
  const auto says = [&](Index rows, Index columns, const auto&... rest) {
    return refusal([&] { rapt::relative_bias(table(rows, columns), rest...); });
  };
  EXPECT_EQ(says(32, 4, T5Buckets{}), "");
  EXPECT_EQ(says(31, 4, T5Buckets{}),
            "rapt: relative_bias: the table's number of rows is 31; it has to be 32, the number of buckets");
  EXPECT_EQ(says(33, 4, T5Buckets{.num_buckets = 33}),
            "rapt: relative_bias: num_buckets is 33; it has to be even, and 4 or more, for both directions");
  EXPECT_EQ(says(1, 4, T5Buckets{false, 1, 10}), "rapt: relative_bias: num_buckets is 1; it has to be 2 or more");
  EXPECT_EQ(
      says(32, 4, T5Buckets{.max_distance = 8}),
      "rapt: relative_bias: max_distance is 8; it has to be more than the 8 distances with a bucket of their own, "
      "and at most 2^20");
  EXPECT_EQ(says(4, 4, 2, 1), "");
  EXPECT_EQ(says(4, 5, 2, 1),
            "rapt: relative_bias: the table's number of columns is 5; it has to be 4, which is left + 1 + right");
  EXPECT_EQ(says(4, 5, -1, 1), "rapt: relative_bias: left is -1; it has to be from 0 to 2^20");
  EXPECT_NE(says(0, 4, 2, 1), "");
  EXPECT_NE(refusal([] { rapt::relative_bias(rapt::MatrixView<const float>{nullptr, 2, 4, 4, 1}, 2, 1); }), "");
  const auto stage = rapt::relative_bias(table(4, 4), 2, 1);
  EXPECT_EQ(refusal([&] { stage.check({1, 4, 9, 9}); }), "");
  EXPECT_EQ(refusal([&] {
              stage.check({1, 8, 9, 9});
            }),
            "rapt: relative_bias: the table's number of heads is 4; it has to be 8, one for each query head");
}

}  // namespace
}  // namespace rapt_test::relative_bias_test
