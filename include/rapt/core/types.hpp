// Index, and the element types that attention takes.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <concepts>
#include <cstdint>
#include <type_traits>

#include "rapt/core/config.hpp"

RAPT_NAMESPACE_BEGIN

/// Extents, strides and counts: signed, so that differences of positions are what they look like.
using Index = std::int64_t;

namespace detail {

/// Positions are 32 bits wide in the kernels, and so are their differences: lengths and other counts stay below this.
inline constexpr Index max_length = Index(1) << 30;

/// Elements that one dimension of a view may reach over, so that sums of such reaches, in bytes, stay clear of 2^63.
inline constexpr Index max_reach = Index(1) << 56;

/// What an element type is computed in: the softmax state and the accumulators are never narrower than float. A
/// narrower type of storage joins the library by a specialisation here.
template <class T> struct ArithmeticOf;
template <> struct ArithmeticOf<float> { using type = float; };
template <> struct ArithmeticOf<double> { using type = double; };

/// A word as wide as T, so that a loop over scores and one over their masks fill the same lanes. Zero is false.
template <class T> using Word = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;

}  // namespace detail

/// An element type that attention can read: float or double, const or not.
template <class T>
concept Element = requires {
  typename detail::ArithmeticOf<std::remove_const_t<T>>::type;
};

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
