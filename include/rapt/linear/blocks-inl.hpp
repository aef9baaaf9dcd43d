// Weights in blocks of 32 inputs that share a scale, as numbers: what dequantise() makes of them.
#ifndef RAPT_REGION
#include "rapt/linear/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN
namespace linear {

/// Halves, by their bits.
template <class P> RAPT_INLINE auto load_halves(const P* p) { return load(reinterpret_cast<const Eigen::half*>(p)); }

/// What a register of codes is multiplied with, and what is added. A half times a code of 8 bits is exact: the fma
/// rounds what is rounded when both are done one after the other.
struct Scale {
  Vec<float> d;
};
struct ScaleAndMinimum {
  Vec<float> d, m;
};
template <class V> RAPT_INLINE V weight_of(Scale s, V code) { return mul(s.d, code); }
template <class V> RAPT_INLINE V weight_of(ScaleAndMinimum s, V code) { return fma(s.d, code, s.m); }

template <class B> RAPT_INLINE auto scale_of(const detail::PanelBlock<B>& block, Index lane) {
  if constexpr (detail::has_minimum<B>)
    return ScaleAndMinimum{load_halves(block.d + lane), load_halves(block.m + lane)};
  else
    return Scale{load_halves(block.d + lane)};
}

/// The codes that begin at bit `At` of the words.
template <class B, int At, class V> RAPT_INLINE auto codes_at(V words) {
  if constexpr (detail::has_minimum<B>)
    return field<detail::code_bits<B>, At>(words);
  else
    return centred_field<detail::code_bits<B>, At>(words);
}

/// The codes of eight inputs, from `input` on.
template <class T, class B>
RAPT_INLINE void codes_of(const detail::PanelBlock<B>& block, Index input, Index lane, Vec<T> (&code)[8]) {
  if constexpr (detail::code_bits<B> == 8) {
    RAPT_UNROLL
    for (int i = 0; i < 8; ++i) code[i] = load(block.codes[input + i] + lane);
  } else if constexpr (detail::code_bits<B> == 4) {
    const auto words = load(block.low[input / 8] + lane);
    code[0] = codes_at<B, 0>(words), code[1] = codes_at<B, 4>(words);
    code[2] = codes_at<B, 8>(words), code[3] = codes_at<B, 12>(words);
    code[4] = codes_at<B, 16>(words), code[5] = codes_at<B, 20>(words);
    code[6] = codes_at<B, 24>(words), code[7] = codes_at<B, 28>(words);
  } else {
    const auto words = load(block.low[input / 8] + lane), above = load_bytes(block.high[input / 8] + lane);
    const auto last_two = either(shift_right<30>(words), shift_left<2>(above));
    code[0] = codes_at<B, 0>(words), code[1] = codes_at<B, 5>(words);
    code[2] = codes_at<B, 10>(words), code[3] = codes_at<B, 15>(words);
    code[4] = codes_at<B, 20>(words), code[5] = codes_at<B, 25>(words);
    code[6] = codes_at<B, 0>(last_two), code[7] = codes_at<B, 5>(last_two);
  }
}

/// [32][panel_lanes] numbers.
template <class T, class B> RAPT_NOINLINE void widen(const detail::PanelBlock<B>& block, T* to) {
  constexpr Index lanes = detail::panel_lanes<T>;
  for (Index lane = 0; lane < lanes; lane += Vec<T>::lanes) {
    const auto scale = scale_of(block, lane);
    for (Index i = 0; i < detail::block_size; i += 8) {
      Vec<T> code[8];
      codes_of(block, i, lane, code);
      RAPT_UNROLL
      for (int j = 0; j < 8; ++j) store(to + (i + j) * lanes + lane, weight_of(scale, code[j]));
    }
  }
}

/// Whole blocks, also where the last one is not all wanted.
template <class T, BlockFormat B>
RAPT_INLINE const T* numbers_of(const Panel<T, B>& panel, Index begin, Index count, bool fetches, T* room) {
  const detail::PanelBlock<B>* block = panel.from(begin);
  for (Index i = 0; i < count; i += detail::block_size, ++block) {
    if (fetches) fetch_ahead(block, Index(sizeof *block));
    widen(*block, room + i * detail::panel_lanes<T>);
  }
  return room;
}

/// `Registers` registers of outputs take in a block's inputs, x [32].
template <int Registers, class T, class B>
RAPT_INLINE void block_step(const T* x, const detail::PanelBlock<B>& block, Index lane, Vec<T> (&sum)[Registers]) {
  constexpr Index width = Vec<T>::lanes;
  decltype(scale_of(block, lane)) scale[Registers];
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) scale[r] = scale_of(block, lane + r * width);
  for (Index i = 0; i < detail::block_size; i += 8) {
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r) {
      Vec<T> code[8];
      codes_of(block, i, lane + r * width, code);
      RAPT_UNROLL
      for (int j = 0; j < 8; ++j) sum[r] = fma(weight_of(scale[r], code[j]), broadcast(x[i + j]), sum[r]);
    }
  }
}

/// As row_tile(), of whole blocks.
template <int Registers, class T, class B>
RAPT_NOINLINE void row_tile_of_blocks(const T* x, const detail::PanelBlock<B>* block, Index count, Index lane,
                                      const T* bias, T* sums) {
  constexpr int width = Vec<T>::lanes;
  Vec<T> sum[Registers];
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) sum[r] = load(bias + r * width);
  for (; count > 0; --count, ++block, x += detail::block_size) {
    fetch_ahead(block, Index(sizeof *block));
    block_step<Registers>(x, *block, lane, sum);
  }
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) store(sums + r * width, canonical_nan(sum[r]));
}

/// The whole blocks, then the inputs of one that is not all wanted.
template <class T, BlockFormat B>
RAPT_NOINLINE void row_of_panel(const Panel<T, B>& panel, const T* x, const T* bias, T* sums) {
  constexpr Index lanes = detail::panel_lanes<T>, step = single_registers<T> * Vec<T>::lanes;
  const Index blocks = panel.in / detail::block_size, rest = panel.in % detail::block_size;
  for (Index lane = 0; lane < lanes; lane += step)
    row_tile_of_blocks<single_registers<T>>(x, panel.units, blocks, lane, bias + lane, sums + lane);
  if (rest == 0) return;
  alignas(64) T last[detail::block_size * lanes];
  widen(panel.units[blocks], last);
  row_tiles(x + blocks * detail::block_size, last, rest, sums, sums);
}

}  // namespace linear
RAPT_REGION_CLOSE

#endif
