// Whether two strided pieces of memory share an element.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "rapt/core/any_view.hpp"
#include "rapt/core/error.hpp"
#include "rapt/core/integers.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/core/view.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// The bytes of a view: where they begin, and up to four (extent, stride) pairs. Strides are positive and at least one
/// apart.
struct Footprint {
  std::intptr_t begin = 0;
  std::intptr_t element = 0;  // bytes of an element; 0 if there are none
  struct Dim {
    Index extent = 1;
    Index stride = 0;  // bytes
  };
  std::array<Dim, 4> dims{};

  std::intptr_t end() const {
    std::intptr_t last = begin;
    for (const Dim& d : dims) last += (d.extent - 1) * d.stride;
    return last + element;
  }
};

template <std::size_t N>
Footprint footprint(const void* data, Index element, const std::array<Index, N>& extent,
                    const std::array<Index, N>& stride) {
  Footprint f;
  for (const Index e : extent)
    if (e == 0) return f;
  if (data == nullptr) return f;
  f.begin = reinterpret_cast<std::intptr_t>(data);
  f.element = static_cast<std::intptr_t>(element);
  for (std::size_t i = 0; i < N; ++i) {
    const Index bytes = stride[i] * element;
    if (bytes < 0) f.begin += (extent[i] - 1) * bytes;
    f.dims[i] = {extent[i], std::abs(bytes)};
  }
  return f;
}
template <class T, std::size_t N>
Footprint footprint(T* data, const std::array<Index, N>& extent, const std::array<Index, N>& stride) {
  return footprint(static_cast<const void*>(data), Index(sizeof(T)), extent, stride);
}
inline Footprint footprint(const AnyInput& v) { return footprint(v.data, v.element, v.extent, v.stride); }
template <class T> Footprint footprint(const View<T>& v) { return footprint(v.data, v.extent, v.stride); }
template <class T> Footprint footprint(const Cube<T>& c) { return footprint(c.data, c.extent, c.stride); }
template <class T> Footprint footprint(const MatrixView<T>& m) {
  return footprint(m.data, std::array{m.rows, m.columns}, std::array{m.row_stride, m.column_stride});
}

inline Footprint footprint(const IntegerMatrix& m) {
  const Integers row = m.empty() ? Integers{} : m.row(0);
  const std::array extent{m.rows(), m.columns()}, step{m.row_step() / row.bytes(), row.step() / row.bytes()};
  if (row.bytes() == 8) return footprint(static_cast<const std::int64_t*>(row.data()), extent, step);
  return footprint(static_cast<const std::int32_t*>(row.data()), extent, step);
}
inline Footprint footprint(const Integers& n) {
  if (n.bytes() == 8)
    return footprint(static_cast<const std::int64_t*>(n.data()), std::array{n.size()}, std::array{n.step() / 8});
  return footprint(static_cast<const std::int32_t*>(n.data()), std::array{n.size()}, std::array{n.step() / 4});
}

/// Whether two views, or two logsumexps, are the same elements in the same places.
template <class A, class B> bool same_places(const A& a, const B& b) {
  bool same = a.data == b.data && a.extent == b.extent;
  for (std::size_t i = 0; i < a.extent.size(); ++i) same = same && (a.extent[i] <= 1 || a.stride[i] == b.stride[i]);
  return same;
}

/// True unless each dimension, taken in ascending order of strides, steps over all that the ones before it reach.
inline bool overlaps_itself(Footprint f) {
  for (std::size_t i = 1; i < f.dims.size(); ++i)  // by insertion, as they are four
    for (std::size_t j = i; j > 0 && f.dims[j].stride < f.dims[j - 1].stride; --j) std::swap(f.dims[j], f.dims[j - 1]);
  std::intptr_t reach = f.element;
  for (const Footprint::Dim& d : f.dims) {
    if (d.extent == 1) continue;
    if (d.stride < reach) return true;
    reach += (d.extent - 1) * d.stride;
  }
  return false;
}

/// With every stride of at least `cut` taken modulo their common divisor, both views are intervals on a circle: true if
/// those don't meet, as with queries, keys and values interleaved in one buffer.
inline bool apart_modulo(const Footprint& a, const Footprint& b, Index cut) {
  Index circle = 0;
  std::intptr_t length[2] = {a.element, b.element};
  for (const Footprint* f : {&a, &b})
    for (const Footprint::Dim& d : f->dims) {
      if (d.extent == 1) continue;
      if (d.stride >= cut)
        circle = std::gcd(circle, d.stride);
      else
        length[f == &b] += (d.extent - 1) * d.stride;
    }
  if (circle == 0 || length[0] > circle || length[1] > circle) return false;
  const std::intptr_t gap = ((b.begin - a.begin) % circle + circle) % circle;  // from a's begin on to b's
  return gap >= length[0] && gap + length[1] <= circle;
}

/// False only where the two provably share no byte. Exact for everything but contrived interleavings.
inline bool may_overlap(const Footprint& a, const Footprint& b) {
  if (a.element == 0 || b.element == 0) return false;
  if (a.end() <= b.begin || b.end() <= a.begin) return false;
  for (const Footprint* f : {&a, &b})
    for (const Footprint::Dim& d : f->dims)
      if (d.extent > 1 && d.stride > 0 && apart_modulo(a, b, d.stride)) return false;
  return true;
}

/// What a call writes: its output, and the logsumexp if that is wanted.
struct Written {
  Footprint out{}, lse{};
  const char* name = "out";  // of the former

  /// Throws if anything of it may share memory with what is read.
  RAPT_NOINLINE void check_apart(const Footprint& read, const char* what) const {
    if (may_overlap(out, read)) fail(name, {"shares memory with ", what}, "it has to be apart from what is read");
    if (may_overlap(lse, read)) fail("lse", {"shares memory with ", what}, "it has to be apart from what is read");
  }
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
