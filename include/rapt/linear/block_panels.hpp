// How weights in blocks that share a scale are kept: a block for each lane, with its parts beside those of the others.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstdint>

#include "rapt/core/blocks.hpp"
#include "rapt/linear/panels.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

inline constexpr Index block_lanes = panel_lanes<float>;

/// The codes of 32 inputs and a panel's outputs. Those of 4 and 5 bits stand as they are stored, never negative, and of
/// eight inputs together: the first one's in the lowest bits of a word, the next one's above it. Of 40 bits the upper 8
/// are in a byte. Each is put there with the seven others, inputs 8 · eighth and so on.
template <int Bits> struct PanelCodes;
template <> struct PanelCodes<8> {
  std::int8_t codes[block_size][block_lanes];

  void put_codes(Index eighth, Index lane, const int (&stored)[8]) {
    for (Index i = 0; i < 8; ++i) codes[8 * eighth + i][lane] = static_cast<std::int8_t>(stored[i]);
  }
};
template <> struct PanelCodes<4> {
  std::uint32_t low[block_size / 8][block_lanes];

  void put_codes(Index eighth, Index lane, const int (&stored)[8]) {
    std::uint32_t word = 0;
    for (int i = 0; i < 8; ++i) word |= static_cast<std::uint32_t>(stored[i]) << (4 * i);
    low[eighth][lane] = word;
  }
};
template <> struct PanelCodes<5> {
  std::uint32_t low[block_size / 8][block_lanes];
  std::uint8_t high[block_size / 8][block_lanes];

  void put_codes(Index eighth, Index lane, const int (&stored)[8]) {
    std::uint64_t word = 0;
    for (int i = 0; i < 8; ++i) word |= static_cast<std::uint64_t>(stored[i]) << (5 * i);
    low[eighth][lane] = static_cast<std::uint32_t>(word & 0xffffffff);
    high[eighth][lane] = static_cast<std::uint8_t>(word >> 32);
  }
};

/// Their scales, and the minima that they count from, if they do.
template <bool HasMinimum> struct PanelScales {
  std::uint16_t d[block_lanes];

  template <BlockFormat B> void put_scale(Index lane, const B& block) { d[lane] = block.d; }
};
template <> struct PanelScales<true> {
  std::uint16_t d[block_lanes], m[block_lanes];

  template <BlockFormat B> void put_scale(Index lane, const B& block) { d[lane] = block.d, m[lane] = block.m; }
};

/// 32 inputs of a panel.
template <BlockFormat B> struct PanelBlock : PanelCodes<code_bits<B>>, PanelScales<has_minimum<B>> {
  void put(Index lane, const B& block) {
    this->put_scale(lane, block);
    for (Index eighth = 0; eighth < block_size / 8; ++eighth) {
      int stored[8];
      for (Index i = 0; i < 8; ++i) stored[i] = code_of(block, 8 * eighth + i) + code_offset<B>;
      this->put_codes(eighth, lane, stored);
    }
  }
};
static_assert(sizeof(PanelBlock<q8_0>) == block_lanes * sizeof(q8_0) &&
              sizeof(PanelBlock<q4_0>) == block_lanes * sizeof(q4_0) &&
              sizeof(PanelBlock<q4_1>) == block_lanes * sizeof(q4_1) &&
              sizeof(PanelBlock<q5_0>) == block_lanes * sizeof(q5_0) &&
              sizeof(PanelBlock<q5_1>) == block_lanes * sizeof(q5_1));

/// A block of a weight matrix: of one of blocks, as it is.
template <BlockFormat B> B block_of(const MatrixView<const B>& weight, Index output, Index block) {
  return weight(output, block);
}
/// Of one of numbers, quantised; what is missing at the end of a row counts as zeros.
template <BlockFormat B> B block_of(const MatrixView<const float>& weight, Index output, Index block) {
  float x[block_size] = {};
  const Index first = block * block_size, count = std::min(block_size, weight.columns - first);
  for (Index i = 0; i < count; ++i) x[i] = weight(output, first + i);
  return quantised_block<B>(x);
}

template <BlockFormat S> inline constexpr Index inputs_of_element<S> = block_size;

/// A panel is [ceil(in / 32)] of those, with blocks of scale 0 where there is no output.
template <BlockFormat B> struct PanelFormat<float, B> {
  using Unit = PanelBlock<B>;
  static constexpr Index units(Index in) { return ceil_div(in, block_size); }
  static constexpr Index units_before(Index input) { return ceil_div(input, block_size); }

  template <class S> static void pack(const MatrixView<const S>& weight, Unit* panels) {
    const Index out = weight.rows, blocks = units(weight.columns * inputs_of_element<S>);
    for (Index first = 0; first < out; first += block_lanes)
      for (Index block = 0; block < blocks; ++block, ++panels) {
        for (Index lane = 0; lane < block_lanes; ++lane)
          panels->put(lane, lane < out - first ? block_of<B>(weight, first + lane, block) : B{});
      }
  }
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
