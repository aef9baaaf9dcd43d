// Views: what the makers' strides say, in the logical order [batch, head, position, dim].
#include "rapt/core/view.hpp"

#include <gtest/gtest.h>

#include <type_traits>
#include <vector>

namespace rapt_test::view_test {
namespace {

using rapt::Index;
using rapt::View;
using Four = std::array<Index, 4>;

class ViewMakers : public testing::Test {
 protected:
  static constexpr Index batch = 2, heads = 3, length = 5, dim = 7;
  std::vector<int> memory = std::vector<int>(batch * heads * length * dim);

  void SetUp() override {
    for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<int>(i);
  }
  /// The element at [b, h, s, d] is the one that stands `place(b, h, s, d)` elements into the memory.
  template <class F> void expect_places(const View<int>& view, F place) {
    EXPECT_EQ(view.extent, (Four{batch, heads, length, dim}));
    for (Index b = 0; b < batch; ++b)
      for (Index h = 0; h < heads; ++h)
        for (Index s = 0; s < length; ++s)
          for (Index d = 0; d < dim; ++d) {
            EXPECT_EQ(view(b, h, s, d), place(b, h, s, d));
            EXPECT_EQ(view.row(b, h, s) + d * view.stride[3], &view(b, h, s, d));
          }
  }
};

TEST_F(ViewMakers, BshdPutsTheHeadsOfAPositionSideBySide) {
  expect_places(rapt::bshd(memory.data(), batch, length, heads, dim),
                [](Index b, Index h, Index s, Index d) { return ((b * length + s) * heads + h) * dim + d; });
}
TEST_F(ViewMakers, BhsdPutsThePositionsOfAHeadBelowEachOther) {
  expect_places(rapt::bhsd(memory.data(), batch, heads, length, dim),
                [](Index b, Index h, Index s, Index d) { return ((b * heads + h) * length + s) * dim + d; });
}
TEST_F(ViewMakers, SbhdPutsThePositionOutermost) {
  expect_places(rapt::sbhd(memory.data(), length, batch, heads, dim),
                [](Index b, Index h, Index s, Index d) { return ((s * batch + b) * heads + h) * dim + d; });
}
TEST_F(ViewMakers, BhdsPutsThePositionInnermost) {
  expect_places(rapt::bhds(memory.data(), batch, heads, dim, length),
                [](Index b, Index h, Index s, Index d) { return ((b * heads + h) * dim + d) * length + s; });
}
TEST_F(ViewMakers, StridedTakesAnyStrides) {
  expect_places(
      rapt::strided<int>(memory.data() + dim - 1, {batch, heads, length, dim}, {heads * length * dim, 0, dim, -1}),
      [](Index b, Index, Index s, Index d) { return (b * heads * length + s) * dim + dim - 1 - d; });
}

TEST(View, OfWhatMayBeWrittenIsAViewOfWhatMayBeReadAndNotTheOtherWayRound) {
  EXPECT_TRUE((std::is_convertible_v<View<float>, View<const float>>));
  EXPECT_FALSE((std::is_convertible_v<View<const float>, View<float>>));
  float x[6] = {};
  const View<float> view = rapt::bhsd(x, 1, 1, 2, 3);
  const View<const float> read_only = view;
  EXPECT_EQ(read_only.data, view.data);
  EXPECT_EQ(read_only.extent, view.extent);
  EXPECT_EQ(read_only.stride, view.stride);
}

TEST(View, NamesItsExtentsAndIsEmptyWhenOneIsZero) {
  const View<float> view{nullptr, {2, 3, 4, 5}, {}};
  EXPECT_EQ(view.batch(), 2);
  EXPECT_EQ(view.heads(), 3);
  EXPECT_EQ(view.length(), 4);
  EXPECT_EQ(view.dim(), 5);
  EXPECT_FALSE(view.empty());
  for (std::size_t i = 0; i < 4; ++i) {
    View<float> empty = view;
    empty.extent[i] = 0;
    EXPECT_TRUE(empty.empty());
  }
}

TEST(LogSumExp, IsUnwantedUntilItHasMemory) {
  EXPECT_FALSE(rapt::LogSumExp<float>{}.wanted());
  float x = 0;
  EXPECT_TRUE(rapt::lse_bhs(&x, 1, 1, 1).wanted());
}

TEST(LogSumExp, MakersSayTheMemoryOrder) {
  std::vector<int> memory(2 * 3 * 5);
  const auto bhs = rapt::lse_bhs(memory.data(), 2, 3, 5);
  const auto bsh = rapt::lse_bsh(memory.data(), 2, 5, 3);
  EXPECT_EQ(bhs.extent, bsh.extent);
  for (Index b = 0; b < 2; ++b)
    for (Index h = 0; h < 3; ++h)
      for (Index s = 0; s < 5; ++s) {
        EXPECT_EQ(&bhs(b, h, s) - memory.data(), (b * 3 + h) * 5 + s);
        EXPECT_EQ(&bsh(b, h, s) - memory.data(), (b * 5 + s) * 3 + h);
      }
}

}  // namespace
}  // namespace rapt_test::view_test
