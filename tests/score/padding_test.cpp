// Masks by a number for each batch entry: padding on either side, and prefixes.
#include <array>
#include <vector>

#include "support/masks.hpp"
#include "support/refusal.hpp"

namespace rapt_test::padding_test {
namespace {

using rapt::left_padding;
using rapt::padding;
using rapt::prefix_lm;

const std::vector<std::int32_t> numbers = {0, 7, 30, 100};

TEST(Padding, AttendsToTheFirstPositionsOfEachEntry) {
  for (std::int32_t b = 0; b < 4; ++b)
    for (std::int32_t key = 0; key < 40; ++key) {
      EXPECT_EQ(padding(numbers).attends({b, 0, 3, key}), key < numbers[at(b)]);
      EXPECT_EQ(left_padding(numbers).attends({b, 0, 3, key}), key >= numbers[at(b)]);
      EXPECT_EQ(padding(7).attends({b, 0, 3, key}), key < 7);
      EXPECT_EQ(left_padding(7).attends({b, 0, 3, key}), key >= 7);
    }
}

TEST(PrefixLm, AttendsToThePrefixAndToWhatIsBefore) {
  for (std::int32_t b = 0; b < 4; ++b)
    for (std::int32_t query = -3; query < 40; ++query)
      for (std::int32_t key = 0; key < 40; ++key)
        EXPECT_EQ(prefix_lm(numbers).attends({b, 0, query, key}), key <= query || key < numbers[at(b)]);
}

TEST(Padding, CoversIsExact) {
  const Shape shape{4, 3, 1, 50, 60};
  EXPECT_GT(expect_covers_is_true(padding(numbers), shape, 10, true).least(), 1000);
  EXPECT_GT(expect_covers_is_true(left_padding(numbers), shape, 10, true).least(), 1000);
  EXPECT_GT(expect_covers_is_true(prefix_lm(numbers), shape, 10, true).least(), 1000);
  EXPECT_GT(expect_covers_is_true(prefix_lm(20), shape, -9, true).least(), 1000);
}

TEST(Padding, TakesOneNumberOrMemoryOfAnyKind) {
  const std::array<std::int32_t, 2> array = {3, 4};
  const std::int32_t plain[] = {3, 4};
  EXPECT_TRUE(padding(array).attends({1, 0, 0, 3}));
  EXPECT_TRUE(padding(plain).attends({1, 0, 0, 3}));
  EXPECT_TRUE(padding(std::span<const std::int32_t>(plain)).attends({1, 0, 0, 3}));
  static_assert(!std::is_constructible_v<rapt::PerBatch, std::vector<std::int32_t>>, "it would be gone");
}

TEST(Padding, TakesNumbersOfAnyWidth) {
  const std::vector<Index> wide = {3, 4};
  const std::vector<std::size_t> sizes = {3, 4};
  const std::vector<std::uint32_t> counts = {3, 4};
  for (std::int32_t b = 0; b < 2; ++b)
    for (std::int32_t key = 0; key < 6; ++key) {
      const Coord c{b, 0, 0, key};
      EXPECT_EQ(padding(wide).attends(c), key < 3 + b);
      EXPECT_EQ(left_padding(sizes).attends(c), key >= 3 + b);
      EXPECT_EQ(prefix_lm(counts).attends(c), key < 3 + b);
    }
  const std::vector<std::size_t> huge = {3, (std::size_t(1) << 32) + 3};
  const std::vector<std::uint32_t> negative = {3, 0xffffffff};
  EXPECT_EQ(refusal([&] {
              padding(huge).check({2, 1, 3, 4});
            }),
            "rapt: padding: the length of batch entry 1 is 4294967299; it has to be 0 or more, and fit 32 bits");
  EXPECT_EQ(refusal([&] {
              padding(negative).check({2, 1, 3, 4});
            }),
            "rapt: padding: the length of batch entry 1 is 4294967295; it has to be 0 or more, and fit 32 bits");
}

TEST(Padding, RefusesNumbersThatCannotBe) {
  const std::vector<std::int32_t> negative = {1, -2};
  const rapt::ProblemShape two{2, 1, 3, 4};
  EXPECT_EQ(refusal([] { padding(-1); }), "rapt: padding: length is -1; it has to be 0 or more, and fit 32 bits");
  EXPECT_EQ(refusal([] { left_padding(Index(1) << 31); }),
            "rapt: left_padding: start is 2147483648; it has to be 0 or more, and fit 32 bits");
  EXPECT_EQ(refusal([] { prefix_lm(-5); }), "rapt: prefix_lm: length is -5; it has to be 0 or more, and fit 32 bits");
  EXPECT_EQ(refusal([&] { padding(numbers).check(two); }),
            "rapt: padding: has 4 lengths; it has to have 2, one for each batch entry");
  EXPECT_EQ(refusal([&] { left_padding(negative).check(two); }),
            "rapt: left_padding: the start of batch entry 1 is -2; it has to be 0 or more, and fit 32 bits");
  EXPECT_EQ(refusal([&] { prefix_lm(negative).check(two); }),
            "rapt: prefix_lm: the length of batch entry 1 is -2; it has to be 0 or more, and fit 32 bits");
  EXPECT_EQ(refusal([&] { padding(9).check(two); }), "");
}

TEST(Padding, IsDescribed) {
  EXPECT_EQ(padding(7).describe(), "padding(7)");
  EXPECT_EQ(left_padding(numbers).describe(), "left_padding(one for each batch entry)");
  EXPECT_EQ((prefix_lm(7) | rapt::window(9, -1)).describe(), "prefix_lm(7) | window(9, -1)");
}

}  // namespace
}  // namespace rapt_test::padding_test
