// Where a panel's outputs go.
#ifndef RAPT_REGION
#include "rapt/linear/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN
namespace linear {

/// The outputs of one panel, in the caller's memory.
template <class T> struct Outputs {
  T* data;
  Index row_stride, column_stride;
  Index columns;  // that exist; the panel's other lanes are padding

  /// Whether a register tile can be stored there as it is.
  RAPT_INLINE bool direct() const { return column_stride == 1 && columns == detail::panel_lanes<T>; }
  RAPT_INLINE T* row(Index r) const { return data + r * row_stride; }
  RAPT_INLINE Outputs from(Index r) const { return {row(r), row_stride, column_stride, columns}; }
};

/// Of the rows from `row` on.
template <class T, class W>
RAPT_INLINE Outputs<T> outputs_of(const detail::LinearWork<T, W>& work, Index panel, Index row) {
  constexpr Index lanes = detail::panel_lanes<T>;
  Index part = 0;
  while (part + 1 < work.part_count && work.parts[part + 1].first_panel <= panel) ++part;
  const Index column = (panel - work.parts[part].first_panel) * lanes, left = work.parts[part].out - column;
  const MatrixView<T>& y = work.y[part];
  return {y.row(row) + column * y.column_stride, y.row_stride, y.column_stride, left < lanes ? left : lanes};
}

/// Puts sums [rows][panel_lanes] there, without the padding.
template <class T> RAPT_INLINE void put(const T* sums, Index rows, const Outputs<T>& y) {
  for (Index r = 0; r < rows; ++r)
    for (Index c = 0; c < y.columns; ++c) y.row(r)[c * y.column_stride] = sums[r * detail::panel_lanes<T> + c];
}

}  // namespace linear
RAPT_REGION_CLOSE

#endif
