// Views whose element type is known at run time only.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <array>
#include <cstddef>
#include <type_traits>

#include "rapt/core/types.hpp"
#include "rapt/core/view.hpp"

RAPT_NAMESPACE_BEGIN

enum class Isa;

namespace detail {

/// A view of elements of so many bytes. The kernels convert queries and outputs that are narrower than what they
/// compute in row by row, so that they need not be compiled again for each type of them. `Byte` is std::byte, const
/// where the elements are only read.
template <class Byte> struct AnyView {
  Byte* data = nullptr;
  std::array<Index, 4> extent{};  // batch, heads, length, dim
  std::array<Index, 4> stride{};  // in elements
  Index element = 0;              // bytes

  AnyView() = default;
  template <class T>
    requires(std::is_const_v<Byte> || !std::is_const_v<T>)
  AnyView(const View<T>& v)
      : data(reinterpret_cast<Byte*>(v.data)), extent(v.extent), stride(v.stride), element(Index(sizeof(T))) {}
  operator AnyView<const std::byte>() const requires(!std::is_const_v<Byte>) {
    AnyView<const std::byte> v;
    v.data = data, v.extent = extent, v.stride = stride, v.element = element;
    return v;
  }

  Index batch() const { return extent[0]; }
  Index heads() const { return extent[1]; }
  Index length() const { return extent[2]; }
  Index dim() const { return extent[3]; }
  bool empty() const { return batch() == 0 || heads() == 0 || length() == 0 || dim() == 0; }

  /// The vector at [batch, head, position]: its elements stand stride[3] apart.
  Byte* row(Index b, Index h, Index s) const {
    return data + (b * stride[0] + h * stride[1] + s * stride[2]) * element;
  }
};

using AnyInput = AnyView<const std::byte>;
using AnyOutput = AnyView<std::byte>;

/// How a row of queries becomes elements of T side by side, and how such become a row of outputs. Null where they are
/// kept as T.
template <class T> using LoadRow = void (*)(const std::byte* row, Index stride, Index count, T* to);
template <class T> using WriteRow = void (*)(const T* from, Index count, std::byte* row, Index stride);
template <class T> struct RowAccess {
  LoadRow<T> load = nullptr;
  WriteRow<T> write = nullptr;
};

/// The same before the instruction set is known.
template <class T> struct RowAccessOf {
  LoadRow<T> (*load)(Isa) = nullptr;
  WriteRow<T> (*write)(Isa) = nullptr;

  RowAccess<T> of(Isa isa) const {
    return {load == nullptr ? nullptr : load(isa), write == nullptr ? nullptr : write(isa)};
  }
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
