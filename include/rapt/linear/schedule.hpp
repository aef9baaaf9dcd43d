// How a product is cut: pure functions of its extents and the number of workers. None of it changes a bit of the
// result.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>

#include "rapt/linear/panels.hpp"
#include "rapt/plan/schedule.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// An item is a block of rows times a group of panels. The block is packed once; then each panel, slice by slice of the
/// inputs, meets all its rows.
struct LinearSchedule {
  Index rows;
  Index in;
  Index panels;
  Index block_rows;    // of a block of rows
  Index blocks;        // of rows
  Index group_panels;  // of a group of panels
  Index groups;        // of panels
  Index slice;         // inputs of a slice
  Index workers;       // that can have something to do

  Index items() const { return blocks * groups; }
};

/// Inputs of a slice at most: a panel's slice takes 128 KiB, and two of them, this one and the next, fit into the
/// second-level cache together with the sums. With fewer, sums would come and go more often.
inline constexpr Index most_slice = 512;

/// The same where narrower weights are widened for few rows, which don't make up for what a slice beyond the
/// first-level cache takes to write: here it is 16 KiB long, and the sums of so few rows fit beside it.
inline constexpr Index short_slice = 64, few_rows = 48;

/// Inputs of a slice are a multiple of this: whole blocks of weights that share a scale.
inline constexpr Index slice_step = 32;

/// Rows of a block at most, for the same reason: their sums take 256 bytes each.
inline constexpr Index most_rows = 264;

/// Bytes that a packed block may take: it is read once for each panel, from a core's share of the last cache.
inline constexpr Index rows_bytes = Index(5) << 20;

/// Rows of a block are a multiple of this, if there are as many: whole register tiles, 6 or 4 high.
inline constexpr Index rows_step = 12;

/// `widens`: weights are kept narrower than what is computed in.
inline LinearSchedule make_linear_schedule(Index rows, Index in, Index panels, Index element, Index workers,
                                           bool widens = false) {
  LinearSchedule s{};
  s.rows = rows;
  s.in = in;
  s.panels = panels;
  const Index most = widens && rows <= few_rows ? short_slice : most_slice, slices = ceil_div(in, most);
  s.slice = std::min(round_up(ceil_div(in, slices), slice_step), most);
  const Index wanted = workers > 1 ? items_per_worker * workers : 1;
  const Index for_cache = ceil_div(rows, std::clamp(rows_bytes / (in * element), 4 * rows_step, most_rows));
  const Index for_workers = std::min(ceil_div(wanted, panels), ceil_div(rows, 2 * rows_step));
  s.block_rows = round_up(std::max<Index>(ceil_div(rows, std::max<Index>({for_cache, for_workers, 1})), 1), rows_step);
  s.blocks = ceil_div(rows, s.block_rows);
  const Index wanted_groups = std::clamp<Index>(ceil_div(wanted, std::max<Index>(s.blocks, 1)), 1, panels);
  s.group_panels = ceil_div(panels, wanted_groups);
  s.groups = ceil_div(panels, s.group_panels);
  s.workers = std::clamp<Index>(s.items(), 1, workers);
  return s;
}

/// Bytes for the sums of a block's rows, and for the rows themselves, packed.
inline Index linear_rows_bytes(const LinearSchedule& s, Index element) {
  return round_up(std::min(s.block_rows, s.rows) * (256 + s.in * element), 64);
}

/// Bytes that a worker needs: for a block's rows, and, where `widens`, behind them for a panel's slice as the numbers
/// that narrower weights stand for. A single row has no need of the latter, nor, with its elements side by side, of the
/// former.
inline Index linear_scratch_bytes(const LinearSchedule& s, Index column_stride, Index element, bool widens = false) {
  if (s.rows == 1 && column_stride == 1) return 0;
  return linear_rows_bytes(s, element) + (widens && s.rows > 1 ? s.slice * 256 : 0);
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
