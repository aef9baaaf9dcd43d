// A number for each row, or for each key, of each head: a pointer, three extents and three strides.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <array>
#include <type_traits>

#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN

/// Numbers somewhere in memory, in the logical order [batch, head, position]; owns nothing. Strides are counted in
/// elements and may be anything, as a View's.
template <class T> struct Cube {
  T* data = nullptr;
  std::array<Index, 3> extent{};  ///< batch, heads, length
  std::array<Index, 3> stride{};  ///< in elements, in the same order

  constexpr Index batch() const { return extent[0]; }
  constexpr Index heads() const { return extent[1]; }
  constexpr Index length() const { return extent[2]; }
  constexpr bool wanted() const { return data != nullptr; }
  constexpr bool empty() const { return batch() == 0 || heads() == 0 || length() == 0; }
  constexpr T& operator()(Index b, Index h, Index s) const {
    return data[b * stride[0] + h * stride[1] + s * stride[2]];
  }
  constexpr operator Cube<const T>() const requires(!std::is_const_v<T>) { return {data, extent, stride}; }
};

/// Memory order [batch, head, position].
template <class T> constexpr Cube<T> bhs(T* data, Index batch, Index heads, Index length) {
  return {data, {batch, heads, length}, {heads * length, length, 1}};
}

/// Memory order [batch, position, head].
template <class T> constexpr Cube<T> bsh(T* data, Index batch, Index length, Index heads) {
  return {data, {batch, heads, length}, {length * heads, 1, heads}};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
