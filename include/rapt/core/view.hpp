// Views: a pointer, four extents and four strides; and the logsumexp's, which is a cube.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <array>
#include <cstddef>
#include <type_traits>

#include "rapt/core/cube.hpp"
#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN

/// Queries, keys, values or outputs somewhere in memory; owns nothing.
///
/// The logical order is always [batch, head, position, dim]. Strides are counted in elements and may be anything: zero
/// broadcasts, negative walks backwards, and the innermost need not be 1.
template <class T> struct View {
  T* data = nullptr;
  std::array<Index, 4> extent{};  ///< batch, heads, length, dim
  std::array<Index, 4> stride{};  ///< in elements, in the same order

  constexpr Index batch() const { return extent[0]; }
  constexpr Index heads() const { return extent[1]; }
  constexpr Index length() const { return extent[2]; }
  constexpr Index dim() const { return extent[3]; }
  constexpr bool empty() const { return batch() == 0 || heads() == 0 || length() == 0 || dim() == 0; }

  /// The vector at [batch, head, position]: its elements stand stride[3] apart.
  constexpr T* row(Index b, Index h, Index s) const { return data + b * stride[0] + h * stride[1] + s * stride[2]; }
  constexpr T& operator()(Index b, Index h, Index s, Index d) const { return row(b, h, s)[d * stride[3]]; }

  /// A view of what may be written is a view of what may be read.
  constexpr operator View<const T>() const requires(!std::is_const_v<T>) { return {data, extent, stride}; }
};

/// A view with strides of the caller's own: extents and strides in the order batch, head, position, dim.
template <class T> constexpr View<T> strided(T* data, std::array<Index, 4> extent, std::array<Index, 4> stride) {
  return {data, extent, stride};
}

/// Memory order [batch, position, head, dim]: what a projection writes.
template <class T> constexpr View<T> bshd(T* data, Index batch, Index length, Index heads, Index dim) {
  return {data, {batch, heads, length, dim}, {length * heads * dim, dim, heads * dim, 1}};
}

/// Memory order [batch, head, position, dim]: what most frameworks' attention takes.
template <class T> constexpr View<T> bhsd(T* data, Index batch, Index heads, Index length, Index dim) {
  return {data, {batch, heads, length, dim}, {heads * length * dim, length * dim, dim, 1}};
}

/// Memory order [position, batch, head, dim]: sequence first, as in Megatron.
template <class T> constexpr View<T> sbhd(T* data, Index length, Index batch, Index heads, Index dim) {
  return {data, {batch, heads, length, dim}, {heads * dim, dim, batch * heads * dim, 1}};
}

/// Memory order [batch, head, dim, position]: transposed, as some caches keep their keys.
template <class T> constexpr View<T> bhds(T* data, Index batch, Index heads, Index dim, Index length) {
  return {data, {batch, heads, length, dim}, {heads * dim * length, dim * length, 1, length}};
}

/// Memory order [batch, position, dim]: hidden states, which have no heads; a view of one.
template <class T> constexpr View<T> bsd(T* data, Index batch, Index length, Index dim) {
  return bshd(data, batch, length, 1, dim);
}

/// Memory order [position, batch, dim]: hidden states, sequence first.
template <class T> constexpr View<T> sbd(T* data, Index length, Index batch, Index dim) {
  return sbhd(data, length, batch, 1, dim);
}

/// Where the logsumexp of each row of scores goes: log(sum over the attended keys of exp(score)), a **natural**
/// logarithm, after scale and masks; −∞ for a row without a key. Logical order [batch, head, position].
template <class T> using LogSumExp = Cube<T>;

/// A logsumexp in memory order [batch, head, position].
template <class T> constexpr LogSumExp<T> lse_bhs(T* data, Index batch, Index heads, Index length) {
  return bhs(data, batch, heads, length);
}

/// A logsumexp in memory order [batch, position, head].
template <class T> constexpr LogSumExp<T> lse_bsh(T* data, Index batch, Index length, Index heads) {
  return bsh(data, batch, length, heads);
}

namespace detail {

/// A view that broadcasts where an extent is 1: its stride there becomes 0.
template <class T> constexpr View<T> broadcasting(View<T> view) {
  for (std::size_t i = 0; i < 4; ++i)
    if (view.extent[i] == 1) view.stride[i] = 0;
  return view;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
