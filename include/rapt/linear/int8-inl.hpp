// Weights of 8 bits with a scale for each output, as numbers: the product, rounded.
#ifndef RAPT_REGION
#include "rapt/linear/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN
namespace linear {

template <class T> RAPT_INLINE const T* scales_of(const Panel<T, int8>& panel) {
  return reinterpret_cast<const T*>(panel.from(panel.in));
}

template <class T>
RAPT_NOINLINE const T* numbers_of(const Panel<T, int8>& panel, Index begin, Index count, bool fetches, T* room) {
  constexpr Index lanes = detail::panel_lanes<T>;
  const auto* codes = panel.from(begin);
  const T* const scales = scales_of(panel);
  T* to = room;
  for (Index i = 0; i < count; ++i, codes += lanes, to += lanes) {
    if (fetches) fetch_ahead(codes, lanes);
    for (Index lane = 0; lane < lanes; lane += Vec<T>::lanes)
      store(to + lane, mul(load(scales + lane), load(codes + lane)));
  }
  return room;
}

/// As row_tile(), of codes [count][panel_lanes], and of scales, a number for each lane.
template <int Registers, class T, class C>
RAPT_NOINLINE void row_tile_of_codes(const T* x, const C* codes, const T* scales, Index count, const T* bias, T* sums) {
  constexpr int width = Vec<T>::lanes;
  Vec<T> sum[Registers], scale[Registers];
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) sum[r] = load(bias + r * width), scale[r] = load(scales + r * width);
  for (Index i = 0; i < count; ++i, codes += detail::panel_lanes<T>) {
    fetch_ahead(codes, detail::panel_lanes<T>);
    const Vec<T> input = broadcast(x[i]);
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r) sum[r] = fma(mul(scale[r], load(codes + r * width)), input, sum[r]);
  }
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) store(sums + r * width, canonical_nan(sum[r]));
}

template <class T> RAPT_INLINE void row_of_panel(const Panel<T, int8>& panel, const T* x, const T* bias, T* sums) {
  constexpr Index lanes = detail::panel_lanes<T>, step = single_registers<T> * Vec<T>::lanes;
  for (Index lane = 0; lane < lanes; lane += step)
    row_tile_of_codes<single_registers<T>>(x, panel.units + lane, scales_of(panel) + lane, panel.in, bias + lane,
                                           sums + lane);
}

}  // namespace linear
RAPT_REGION_CLOSE

#endif
