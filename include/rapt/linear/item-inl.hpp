// A work item: a block of rows times a group of panels.
#ifndef RAPT_REGION
#include "rapt/linear/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN
namespace linear {

/// Where a slice stands in its panel, and what the chains start from.
template <class T> struct Stage {
  const T* bias;       // [panel_lanes]
  Index begin, count;  // inputs
  bool last;
};

/// All rows of a block times one slice of a panel. Between slices the sums wait in `sums`, side by side: in the
/// caller's memory they would stand far apart, and be fetched from there for every slice.
///   x: packed rows, weights [count][panel_lanes], sums [rows][panel_lanes]
template <class T>
RAPT_INLINE void multiply_slice(const T* x, Index rows, Index in, const T* weights, const Stage<T>& stage, T* sums,
                                const Outputs<T>& y, Ahead& ahead) {
  constexpr Index lanes = detail::panel_lanes<T>;
  const bool direct = stage.last && y.direct();
  int height;
  for (Index row = 0; row < rows; row += height) {
    height = next_height(rows - row);
    T* const waiting = sums + row * lanes;
    tiles(height, x + row * in + stage.begin * height, weights, stage.count,
          Sums<T>{stage.begin == 0 ? stage.bias : waiting, stage.begin == 0 ? 0 : lanes, direct ? y.row(row) : waiting,
                  direct ? y.row_stride : lanes, stage.last},
          ahead);
    if (stage.last && !direct) put(waiting, height, y.from(row));
  }
}

/// One row times the panels from `panel` to before `end_panel`.
///   x [in]: the row, its elements side by side
template <class T, class W>
RAPT_NOINLINE void run_row(const detail::LinearWork<T, W>& work, Index row, const T* x, Index panel, Index end_panel) {
  constexpr Index lanes = detail::panel_lanes<T>;
  alignas(64) T sums[lanes];
  for (; panel < end_panel; ++panel) {
    row_of_panel(panel_of(work, panel), x, work.bias + panel * lanes, sums);
    put(sums, 1, outputs_of(work, panel, row));
  }
}

/// The kernel: one item of the schedule.
template <class T, class W>
RAPT_NOINLINE void run_item(const detail::LinearWork<T, W>& work, Index item, std::byte* scratch) {
  const Leaving leaving;
  constexpr Index lanes = detail::panel_lanes<T>;
  const detail::LinearSchedule& s = work.schedule;
  const Index row = item / s.groups * s.block_rows, first_panel = item % s.groups * s.group_panels;
  const Index rows = s.block_rows < s.rows - row ? s.block_rows : s.rows - row;
  const Index end_panel = first_panel + s.group_panels < s.panels ? first_panel + s.group_panels : s.panels;
  T* const sums = reinterpret_cast<T*>(scratch);
  const T* const x = packed_rows(work.x, row, rows, sums);
  if (rows == 1) return run_row(work, row, x, first_panel, end_panel);
  T* const room = reinterpret_cast<T*>(scratch + detail::linear_rows_bytes(s, Index(sizeof(T))));
  const auto* const end = panel_of(work, end_panel).units;
  const Index tile_count = count_tiles<T>(rows);
  for (Index panel = first_panel; panel < end_panel; ++panel) {
    const Outputs<T> y = outputs_of(work, panel, row);
    const Panel<T, W> weights = panel_of(work, panel);
    for (Index begin = 0; begin < s.in; begin += s.slice) {
      const Index count = s.slice < s.in - begin ? s.slice : s.in - begin;
      const auto *const slice = weights.from(begin), *const next = weights.from(begin + count);
      const T* const numbers = numbers_of(weights, begin, count, rows < least_rows_ahead, room);
      Ahead ahead = ahead_of(next, end, next - slice, rows, tile_count * (count / prefetch_steps));
      multiply_slice(x, rows, s.in, numbers, Stage<T>{work.bias + panel * lanes, begin, count, begin + count == s.in},
                     sums, y, ahead);
    }
  }
}

template <class T, class W> constexpr detail::LinearKernel<T, W> kernel() { return {region_isa, &run_item<T, W>}; }

}  // namespace linear
RAPT_REGION_CLOSE

#endif
