// The 16-bit types, against Eigen's own conversions.
#include "rapt/core/narrow.hpp"

#include <Eigen/Core>
#include <cmath>
#include <vector>

#include "support/narrow_cases.hpp"

namespace rapt_test::narrow_test {
namespace {

template <class K> void expect_every_pattern_widened() {
  for (std::uint32_t pattern = 0; pattern <= 0xffff; ++pattern) {
    const K x = from_pattern<K>(pattern);
    const float found = rapt::detail::widened(x), expected = static_cast<float>(x);
    if (std::isnan(expected))
      ASSERT_TRUE(std::isnan(found)) << std::hex << pattern;
    else
      ASSERT_EQ(bits(found), bits(expected)) << std::hex << pattern;
  }
}
TEST(Narrow, WidensEveryHalf) { expect_every_pattern_widened<Eigen::half>(); }
TEST(Narrow, WidensEveryBfloat16) { expect_every_pattern_widened<Eigen::bfloat16>(); }

template <class K> void expect_narrowed(float x) {
  K found;
  rapt::detail::narrow(x, found);
  ASSERT_EQ(pattern_of(found), expected_pattern<K>(x)) << x << ", bits " << std::hex << bits(x);
}
template <class K> void expect_edges_narrowed() {
  for (const float x : edges_of<K>()) ASSERT_NO_FATAL_FAILURE(expect_narrowed<K>(x));
}
TEST(Narrow, RoundsToHalvesAtAndAroundEveryOneAndEveryMiddle) { expect_edges_narrowed<Eigen::half>(); }
TEST(Narrow, RoundsToBfloat16sAtAndAroundEveryOneAndEveryMiddle) { expect_edges_narrowed<Eigen::bfloat16>(); }

TEST(Narrow, RoundsFloatsOfAllKinds) {
  constexpr std::uint32_t step = 1021;
  std::uint32_t pattern = 0;
  do {
    ASSERT_NO_FATAL_FAILURE(expect_narrowed<Eigen::half>(from_bits<float>(pattern)));
    ASSERT_NO_FATAL_FAILURE(expect_narrowed<Eigen::bfloat16>(from_bits<float>(pattern)));
    pattern += step;
  } while (pattern >= step);
}

TEST(Narrow, ConvertsTheBitsOfHalvesWithoutTheirType) {
  for (const float x : edges_of<Eigen::half>()) {
    const std::uint16_t found = rapt::detail::half_bits(x);
    ASSERT_EQ(found, expected_pattern<Eigen::half>(x)) << x;
    ASSERT_EQ(bits(rapt::detail::from_half_bits(found)), bits(rapt::detail::widened(from_pattern<Eigen::half>(found))));
  }
}

TEST(Narrow, LeavesFloatsAndDoublesAsTheyAre) {
  for (const float x : {0.0f, -0.0f, 1.1f, std::numeric_limits<float>::denorm_min(), from_bits<float>(0xffffffff)}) {
    float narrow = 5;
    rapt::detail::narrow(x, narrow);
    EXPECT_EQ(bits(narrow), bits(x));
    EXPECT_EQ(bits(rapt::detail::widened(x)), bits(x));
    double wide = 5;
    rapt::detail::narrow(static_cast<double>(x), wide);
    EXPECT_EQ(bits(wide), bits(static_cast<double>(x)));
    EXPECT_EQ(bits(rapt::detail::widened(wide)), bits(wide));
  }
}

}  // namespace
}  // namespace rapt_test::narrow_test
