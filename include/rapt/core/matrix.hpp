// Matrices: a pointer, two extents and two strides.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <type_traits>

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN

/// A matrix somewhere in memory; owns nothing. Strides are counted in elements and may be anything, as a View's.
template <class T> struct MatrixView {
  T* data = nullptr;
  Index rows = 0, columns = 0;
  Index row_stride = 0, column_stride = 1;  ///< in elements

  constexpr bool empty() const { return rows == 0 || columns == 0; }
  constexpr T* row(Index r) const { return data + r * row_stride; }
  constexpr T& operator()(Index r, Index c) const { return data[r * row_stride + c * column_stride]; }

  /// A view of what may be written is a view of what may be read.
  constexpr operator MatrixView<const T>() const requires(!std::is_const_v<T>) {
    return {data, rows, columns, row_stride, column_stride};
  }
};

/// A row's elements side by side: C's order, and PyTorch's.
template <class T> constexpr MatrixView<T> row_major(T* data, Index rows, Index columns) {
  return {data, rows, columns, columns, 1};
}

/// A column's elements side by side: Fortran's order, and Eigen's by default.
template <class T> constexpr MatrixView<T> column_major(T* data, Index rows, Index columns) {
  return {data, rows, columns, 1, rows};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
