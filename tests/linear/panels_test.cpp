// Where a packed weight is.
#include "rapt/linear/panels.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "rapt/linear/block_panels.hpp"
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

/// Eight codes follow each other from the lowest bit on: in a word, or in a word and a byte above it.
template <class B> void expect_codes_in_their_bits() {
  constexpr int bits = rapt::detail::code_bits<B>;
  Random random(2);
  rapt::detail::PanelBlock<B> panel{};
  B blocks[64];
  for (Index lane = 0; lane < 64; ++lane) {
    for (std::size_t i = 0; i < sizeof(B); ++i)
      reinterpret_cast<unsigned char*>(&blocks[lane])[i] = static_cast<unsigned char>(random.next());
    panel.put(lane, blocks[lane]);
  }
  for (Index lane = 0; lane < 64; ++lane) {
    EXPECT_EQ(panel.d[lane], blocks[lane].d);
    if constexpr (rapt::detail::has_minimum<B>) {
      EXPECT_EQ(panel.m[lane], blocks[lane].m);
    }
    for (Index i = 0; i < 32; ++i) {
      std::uint64_t word = panel.low[i / 8][lane];
      if constexpr (bits == 5) word |= std::uint64_t(panel.high[i / 8][lane]) << 32;
      const int stored = rapt::detail::code_of(blocks[lane], i) + rapt::detail::code_offset<B>;
      EXPECT_EQ(word >> (i % 8 * bits) & ((1 << bits) - 1), static_cast<std::uint64_t>(stored)) << "input " << i;
    }
  }
}

TEST(LinearPanels, HoldCodesInTheirBits) {
  expect_codes_in_their_bits<rapt::q4_0>();
  expect_codes_in_their_bits<rapt::q4_1>();
  expect_codes_in_their_bits<rapt::q5_0>();
  expect_codes_in_their_bits<rapt::q5_1>();
}

}  // namespace
}  // namespace rapt_test::panels_test
