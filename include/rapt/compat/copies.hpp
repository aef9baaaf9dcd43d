// Copies of views, from one element type to another: what a system's semantics can't do without.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "rapt/core/narrow.hpp"
#include "rapt/core/view.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::detail {

/// What elements of T are computed in: float for the 16-bit types.
template <class T> using computed_t = rapt::detail::arithmetic_t<std::remove_const_t<T>>;

/// One element: widened, rounded to nearest, or as it is.
template <class From, class To> void convert(const From& from, To& to) {
  if constexpr (std::is_same_v<From, To>)
    to = from;
  else
    rapt::detail::narrow(rapt::detail::widened(from), to);
}

/// All of `from` to the positions of `to` from `first` on.
template <class From, class To> void copy_positions(const View<From>& from, const View<To>& to, Index first = 0) {
  using Element = std::remove_const_t<From>;
  for (Index b = 0; b < from.batch(); ++b)
    for (Index h = 0; h < from.heads(); ++h)
      for (Index s = 0; s < from.length(); ++s) {
        const From* const in = from.row(b, h, s);
        To* const out = to.row(b, h, first + s);
        if constexpr (std::is_same_v<Element, To>)
          if (from.stride[3] == 1 && to.stride[3] == 1) {
            std::copy_n(in, from.dim(), out);
            continue;
          }
        for (Index d = 0; d < from.dim(); ++d) convert<Element, To>(in[d * from.stride[3]], out[d * to.stride[3]]);
      }
}

/// Numbers of its own, [batch, heads, positions, dim] one after the other.
template <class T> class Buffer {
 public:
  Buffer() = default;
  Buffer(Index batch, Index heads, Index length, Index dim)
      : numbers_(static_cast<std::size_t>(batch * heads * length * dim)), extent_{batch, heads, length, dim} {}
  /// The numbers of a view, those that it broadcasts once each.
  template <class From> explicit Buffer(const View<From>& from) {
    View<From> once = from;
    for (std::size_t i = 0; i < 4; ++i)
      if (once.stride[i] == 0 && once.extent[i] > 1) once.extent[i] = 1;
    *this = Buffer(once.batch(), once.heads(), once.length(), once.dim());
    copy_positions(once, view());
    extent_ = from.extent;
    kept_ = once.extent;
  }

  View<T> view() {
    const auto& kept = kept_[0] < 0 ? extent_ : kept_;
    View<T> v = bhsd(numbers_.data(), kept[0], kept[1], kept[2], kept[3]);
    for (std::size_t i = 0; i < 4; ++i)
      if (kept[i] == 1) v.stride[i] = 0;  // for all
    v.extent = extent_;
    return v;
  }

 private:
  std::vector<T> numbers_;
  std::array<Index, 4> extent_{};
  std::array<Index, 4> kept_{-1, -1, -1, -1};  // of a view that broadcasts: how many there are
};

}  // namespace compat::detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
