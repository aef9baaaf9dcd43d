// Tensors of other systems: a pointer, sizes and strides.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <type_traits>

#include "rapt/core/error.hpp"
#include "rapt/core/overlap.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/view.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat {

/// A tensor of at most 8 dimensions, with strides in elements; owns nothing. The one without dimensions stands for an
/// optional tensor that isn't there.
template <class T> struct Tensor {
  static constexpr int max_rank = 8;

  T* data = nullptr;
  int rank = 0;
  std::array<Index, max_rank> size{}, stride{};

  constexpr bool given() const { return rank > 0; }
  /// A size or stride counted from the last dimension: dim(-1) is the innermost.
  constexpr Index dim(int i) const { return size[static_cast<std::size_t>(i < 0 ? rank + i : i)]; }
  constexpr Index step(int i) const { return stride[static_cast<std::size_t>(i < 0 ? rank + i : i)]; }

  /// A tensor of what may be written is one of what may be read.
  constexpr operator Tensor<const T>() const requires(!std::is_const_v<T>) { return {data, rank, size, stride}; }
};

namespace detail {

template <class T> Tensor<T> sized(T* data, const Index* sizes, std::size_t rank) {
  rapt::detail::require(rank <= Tensor<T>::max_rank, "tensor", "the number of dimensions", static_cast<Index>(rank),
                        "it has to be 8 or less");
  Tensor<T> t{data, static_cast<int>(rank), {}, {}};
  Index step = 1;
  for (std::size_t i = rank; i-- > 0;) {
    rapt::detail::require(sizes[i] >= 0 && sizes[i] < rapt::detail::max_length, "tensor", "a size", sizes[i],
                          "it has to be from 0 to 2^30 - 1");
    t.size[i] = sizes[i];
    t.stride[i] = step;
    if (step > rapt::detail::max_reach / (sizes[i] + 1))
      rapt::detail::fail("tensor", {"has sizes whose product is 2^56 or more"}, "it has to be less");
    step *= sizes[i] > 0 ? sizes[i] : 1;
  }
  return t;
}

}  // namespace detail

/// A tensor in row-major order, without gaps: tensor(data, {2, 8, 128, 64}).
///
/// Throws std::invalid_argument for a negative size, and for more than 8 dimensions or 2^56 elements.
template <class T> Tensor<T> tensor(T* data, std::initializer_list<Index> sizes) {
  return detail::sized(data, sizes.begin(), sizes.size());
}
/// The same of so many sizes in memory.
template <class T> Tensor<T> tensor(T* data, const Index* sizes, int rank) {
  rapt::detail::require(rank >= 0, "tensor", "the number of dimensions", rank, "it has to be 0 or more");
  return detail::sized(data, sizes, static_cast<std::size_t>(rank));
}
/// With strides of the caller's own, in elements: any, zero and negative as well.
template <class T> Tensor<T> tensor(T* data, std::initializer_list<Index> sizes, std::initializer_list<Index> strides) {
  Tensor<T> t = detail::sized(data, sizes.begin(), sizes.size());
  if (strides.size() != sizes.size())
    rapt::detail::fail("tensor", {"has ", strides.size(), " strides"}, {"it has to have ", sizes.size(), ", as sizes"});
  std::size_t i = 0;
  for (const Index s : strides) t.stride[i++] = s;
  return t;
}

namespace detail {

/// Broadcasts, as NumPy does: dimensions are counted from the last, one that is missing or of size 1 stands for all.
template <class T> View<T> broadcasting(const Tensor<T>& t) {
  View<T> v{t.data, {1, 1, 1, 1}, {0, 0, 0, 0}};
  for (int i = 1; i <= t.rank && i <= 4; ++i) {
    const std::size_t at = static_cast<std::size_t>(4 - i);
    v.extent[at] = t.dim(-i);
    v.stride[at] = t.dim(-i) == 1 ? 0 : t.step(-i);
  }
  return v;
}

/// Memory with a name.
struct Named {
  const char* name;
  rapt::detail::Footprint memory;
};

/// What is written shares memory neither with what is read nor with anything else that is written, nor with itself.
inline void check_apart(std::initializer_list<Named> written, std::initializer_list<Named> read) {
  for (const Named* w = written.begin(); w != written.end(); ++w) {
    if (rapt::detail::overlaps_itself(w->memory))
      rapt::detail::fail(w->name, "two elements may share an address", "each needs its own");
    for (const Named* other = w + 1; other != written.end(); ++other)
      if (rapt::detail::may_overlap(w->memory, other->memory))
        rapt::detail::fail(w->name, {"shares memory with ", other->name}, "it has to be apart from it");
    for (const Named& r : read)
      if (rapt::detail::may_overlap(w->memory, r.memory))
        rapt::detail::fail(w->name, {"shares memory with ", r.name}, "it has to be apart from what is read");
  }
}

template <class T> Named named(const char* name, const View<T>& v) { return {name, rapt::detail::footprint(v)}; }

/// Throws unless a view's pointer can be one, if anything is there.
template <class T> void check_data(const View<T>& v, const char* name) {
  if (!v.empty()) rapt::detail::check_pointer(v.data, name);
}

}  // namespace detail
}  // namespace compat
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
