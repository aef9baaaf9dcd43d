// A single row, as when decoding: each weight is met once, and memory is the limit.
#ifndef RAPT_REGION
#include "rapt/linear/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN
namespace linear {

/// The sums of one row over all its inputs, for `Registers` registers of a panel. Nothing but loads and multiply-adds,
/// from one end of the panel to the other: what the hardware's prefetchers follow best.
///   x [count], weights [count][panel_lanes], bias and sums: a number for each lane
template <int Registers, class T, class W>
RAPT_NOINLINE void row_tile(const T* x, const W* weights, Index count, const T* bias, T* sums) {
  constexpr int width = Vec<T>::lanes;
  Vec<T> sum[Registers];
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) sum[r] = load(bias + r * width);
  for (Index i = 0; i < count; ++i, weights += detail::panel_lanes<T>) {
    const Vec<T> input = broadcast(x[i]);
    RAPT_UNROLL
    for (int r = 0; r < Registers; ++r) sum[r] = fma(load_weights(weights + r * width), input, sum[r]);
  }
  RAPT_UNROLL
  for (int r = 0; r < Registers; ++r) store(sums + r * width, canonical_nan(sum[r]));
}

/// One row times the panels from `panel` to before `end_panel`.
///   x [in]: the row, its elements side by side
template <class T, class W>
RAPT_NOINLINE void run_row(const detail::LinearWork<T, W>& work, Index row, const T* x, Index panel, Index end_panel) {
  constexpr Index lanes = detail::panel_lanes<T>, step = single_registers<T> * Vec<T>::lanes;
  const Index in = work.schedule.in;
  alignas(64) T sums[lanes];
  for (; panel < end_panel; ++panel) {
    for (Index lane = 0; lane < lanes; lane += step)
      row_tile<single_registers<T>>(x, work.panels + panel * in * lanes + lane, in, work.bias + panel * lanes + lane,
                                    sums + lane);
    put(sums, 1, outputs_of(work, panel, row));
  }
}

}  // namespace linear
RAPT_REGION_CLOSE

#endif
