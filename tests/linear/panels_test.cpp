// Where a packed weight is.
#include "rapt/linear/panels.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "support/random.hpp"

namespace rapt_test::panels_test {
namespace {

using rapt::Index;

template <class T> void expect_packed(Index out, Index in) {
  constexpr Index lanes = rapt::detail::panel_lanes<T>;
  std::vector<T> weight(static_cast<std::size_t>(out * in));
  Random random(1);
  for (T& w : weight) w = static_cast<T>(random.normal());
  const Index panels = (out + lanes - 1) / lanes;
  std::vector<T> packed(static_cast<std::size_t>(panels * in * lanes), T(-1));
  rapt::detail::pack_weights(rapt::row_major<const T>(weight.data(), out, in), packed.data());
  for (Index p = 0; p < panels; ++p)
    for (Index i = 0; i < in; ++i)
      for (Index lane = 0; lane < lanes; ++lane) {
        const Index o = p * lanes + lane;
        EXPECT_EQ(packed[static_cast<std::size_t>((p * in + i) * lanes + lane)],
                  o < out ? weight[static_cast<std::size_t>(o * in + i)] : T(0))
            << "output " << o << ", input " << i;
      }
}

TEST(LinearPanels, HoldEachWeightInItsLaneAndZerosBeyond) {
  for (Index out : {1, 31, 32, 33, 64, 65})
    for (Index in : {1, 15, 16, 17}) {
      expect_packed<float>(out, in);
      expect_packed<double>(out, in);
    }
}

}  // namespace
}  // namespace rapt_test::panels_test
