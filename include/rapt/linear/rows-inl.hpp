// Rows of the input, from the caller's memory to register tiles.
#ifndef RAPT_REGION
#include "rapt/linear/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN
namespace linear {

/// Packs `rows` rows of `count` inputs, the first at `x`, tile after tile: packed [tile][count][height].
template <class T>
RAPT_NOINLINE void pack_rows(const T* x, Index row_stride, Index column_stride, Index rows, Index count, T* packed) {
  for (int height; rows > 0; rows -= height, x += height * row_stride, packed += height * count) {
    height = next_height(rows);
    for (int k = 0; k < height; ++k)
      for (Index i = 0; i < count; ++i) packed[i * height + k] = x[k * row_stride + i * column_stride];
  }
}

/// A block of rows as tiles take it: packed into `scratch`, behind the room for their sums. A single row with its
/// elements side by side is that already, and needs no scratch.
template <class T> RAPT_INLINE const T* packed_rows(const MatrixView<const T>& x, Index row, Index rows, T* scratch) {
  if (rows == 1 && x.column_stride == 1) return x.row(row);
  T* const packed = scratch + rows * detail::panel_lanes<T>;
  pack_rows(x.row(row), x.row_stride, x.column_stride, rows, x.columns, packed);
  return packed;
}

}  // namespace linear
RAPT_REGION_CLOSE

#endif
