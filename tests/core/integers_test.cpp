// Whole numbers of any width, wherever they stand.
#include "rapt/core/integers.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "support/tensors.hpp"

namespace rapt_test::integers_test {
namespace {

using rapt::detail::IntegerMatrix;
using rapt::detail::Integers;

template <class N> class IntegersOf : public testing::Test {};
using Widths = testing::Types<std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, long long, std::size_t>;
TYPED_TEST_SUITE(IntegersOf, Widths);

TYPED_TEST(IntegersOf, AreWhatTheyAre) {
  using N = TypeParam;
  const std::vector<N> numbers{0, 7, std::numeric_limits<N>::max(), std::numeric_limits<N>::min()};
  const Integers all(numbers), span{std::span<const N>(numbers)}, apart(numbers.data(), 2, 2);
  const std::array<N, 2> array{3, 5};
  ASSERT_EQ(all.size(), 4);
  for (Index i = 0; i < 4; ++i) {
    const N n = numbers[at(i)];
    const bool fits = sizeof(N) == 4 || std::is_signed_v<N> || n <= std::numeric_limits<N>::max() / 2;
    EXPECT_EQ(all[i], fits ? static_cast<Index>(n) : std::numeric_limits<Index>::max());
    EXPECT_EQ(all.low(i), static_cast<std::int32_t>(static_cast<std::uint64_t>(n)));
    EXPECT_EQ(span[i], all[i]);
  }
  EXPECT_EQ(apart[1], all[2]);
  EXPECT_EQ(Integers(array)[1], 5);
}

TYPED_TEST(IntegersOf, StandInRowsAndColumns) {
  using N = TypeParam;
  std::vector<N> numbers(12);
  for (std::size_t i = 0; i < 12; ++i) numbers[i] = static_cast<N>(i);
  const IntegerMatrix rows = rapt::row_major(numbers.data(), 3, 4);
  const IntegerMatrix columns = rapt::column_major(static_cast<const N*>(numbers.data()), 4, 3);
  const IntegerMatrix backwards = rapt::MatrixView<const N>{numbers.data() + 11, 3, 4, -4, -1};
  IntegerMatrix one = numbers;
  EXPECT_EQ(one.rows(), 1);
  EXPECT_EQ(one.columns(), 12);
  for (Index r = 0; r < 3; ++r)
    for (Index c = 0; c < 4; ++c) {
      EXPECT_EQ(rows(r, c), 4 * r + c);
      EXPECT_EQ(columns(c, r), 4 * r + c);
      EXPECT_EQ(backwards(r, c), 11 - 4 * r - c);
      EXPECT_EQ(rows.low(r, c), 4 * r + c);
      EXPECT_EQ(rows.part(r, c, 1)[0], 4 * r + c);
    }
  one.repeat_row();
  EXPECT_EQ(one(5, 7), 7);
  EXPECT_FALSE(IntegerMatrix{}.given());
  EXPECT_TRUE(rows.given());
}

}  // namespace
}  // namespace rapt_test::integers_test
