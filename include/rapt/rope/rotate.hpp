// Rotates queries and keys by their positions.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <type_traits>

#include "rapt/core/error.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/core/overlap.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/view.hpp"
#include "rapt/isa/isa.hpp"
#include "rapt/parallel/items.hpp"
#include "rapt/rope/table.hpp"
#include "rapt/rope/turn.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// The seam between ordinary code and the regions.
template <class T> struct RotateWork {
  /// Positions of an item: 16 KB of angles for 64 pairs of floats.
  static constexpr Index block = 32;

  View<const T> x;
  View<T> y;
  IntegerMatrix rows;  // of the table, [batch, length]; if empty, position i has row first + i
  Index first;
  Turn<T> turn;  // by row 0
  Index row_stride;

  Index blocks() const { return (y.length() + block - 1) / block; }
  Index items() const { return y.empty() ? 0 : y.batch() * blocks(); }
  bool heads_inside() const { return std::abs(y.stride[1]) < std::abs(y.stride[2]); }
  Turn<T> turn_at(Index b, Index s) const {
    const Index row = rows.given() ? rows(b, s) : first + s;
    Turn<T> moved = turn;
    moved.cosine += row * row_stride;
    moved.sine += row * row_stride;
    return moved;
  }
};

template <class T> using RotateKernel = void (*)(const RotateWork<T>&, Index item);

}  // namespace detail
RAPT_NAMESPACE_END

#define RAPT_EACH_REGION "rapt/rope/rotate-inl.hpp"
#include "rapt/isa/each_region.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

template <class T> RotateKernel<T> rotate_kernel(Isa isa) { return RAPT_OF_REGION(isa, rotate_kernel<T>()); }
#if RAPT_COMPILED
RAPT_PART RotateKernel<float> rotate_kernel<float>(Isa);
RAPT_PART RotateKernel<double> rotate_kernel<double>(Isa);
#endif

}  // namespace detail

namespace rope {

/// Everything has a default, and each field can be named: {.first = cached, .executor = &pool}.
struct RotateOptions {
  Index first = 0;               ///< the table's row for the first position; the next one's is one more
  detail::IntegerMatrix rows{};  ///< the table's row for each position instead, [batch, length]
  bool inverse = false;          ///< turns back
  Executor* executor = nullptr;  ///< whose threads to use; the calling one if null
  std::optional<Isa> isa = {};   ///< the instruction set to use; active_isa() if unset
};

}  // namespace rope

namespace detail {

template <class T> void check_rows(const View<const T>& x, const rope::Table<T>& table, const rope::RotateOptions& o) {
  if (!o.rows.given()) {
    require(o.first >= 0 && o.first < max_length, "first", "first", o.first, "it has to be from 0 to 2^30 - 1");
    if (o.first + x.length() > table.rows())
      fail("table", "has " + std::to_string(table.rows()) + " rows",
           "it has to have " + std::to_string(o.first + x.length()) + ", for x's length from first on");
    return;
  }
  require(o.first == 0, "first", "first", o.first, "it has to be 0 when there are rows");
  check_same("rows", "batch", o.rows.rows(), x.batch(), "x");
  check_same("rows", "length", o.rows.columns(), x.length(), "x");
  for (Index b = 0; b < x.batch(); ++b)
    for (Index s = 0; s < x.length(); ++s)
      if (o.rows(b, s) < 0 || o.rows(b, s) >= table.rows())
        fail("rows", "rows(" + std::to_string(b) + ", " + std::to_string(s) + ") is " + std::to_string(o.rows(b, s)),
             "it has to be from 0 to " + std::to_string(table.rows() - 1) + ", a row of table");
}

template <class T>
void check_rotate(const View<const T>& x, const View<T>& y, const rope::Table<T>& table,
                  const rope::RotateOptions& options) {
  check_view(x, "x", "head_dim");
  check_view(y, "y", "head_dim");
  check_same("y", "batch", y.batch(), x.batch(), "x");
  check_same("y", "the number of heads", y.heads(), x.heads(), "x");
  check_same("y", "length", y.length(), x.length(), "x");
  check_same("y", "head_dim", y.dim(), x.dim(), "x");
  table.check_fits(x.dim(), "table", "x's ");
  check_rows(x, table, options);
  if (overlaps_itself(footprint(y)))
    fail("y", "two elements may share an address", "each needs its own (a stride of 0 broadcasts only what is read)");
  if (!same_places(x, y) && may_overlap(footprint(x), footprint(y)))
    fail("y", "shares memory with x", "it has to be x itself, or apart from it");
}

}  // namespace detail

namespace rope {

/// Turns each row of x, [batch, head, position, dim], by the angles of its position, into y, of the same shape: x's own
/// memory, or apart from it. Any strides; side by side is fast. Dims that the table doesn't rotate are copied.
///
/// `inverse` turns by the opposite angles. That undoes a rotation, and it is the gradient's way back through one. (With
/// an attention factor, or xPos's scales, the numbers are multiplied with them once more: a gradient's way back all the
/// same, and no longer the inverse.)
///
/// Throws std::invalid_argument, before anything is written, for a shape, pointer, row or option that can't be right.
/// Passes on what an executor throws, and throws std::logic_error if one returns without having run the task. Allocates
/// nothing.
template <class X, class T>
void rotate(const View<X>& x, const View<T>& y, const Table<T>& table, const RotateOptions& options = {}) {
  static_assert(std::is_same_v<std::remove_const_t<X>, T>, "rapt: x, y and the table hold elements of one type");
  const View<const T> in = x;
  detail::check_rotate<T>(in, y, table, options);
  const Index workers = detail::workers_of(options.executor);
  const Isa isa = options.isa ? detail::isa_named(name(*options.isa), "options.isa") : active_isa();
  if (y.empty()) return;
  const detail::RotateWork<T> work{
      in, y, options.rows, options.first, table.turn(0, x.dim(), options.inverse), table.row_stride()};
  const detail::RotateKernel<T> kernel = detail::rotate_kernel<T>(isa);
  detail::run_items(options.executor, std::min(workers, work.items()), work.items(),
                    [&](Index item, int) { kernel(work, item); });
}

/// The same in place.
template <class T> void rotate(const View<T>& x, const Table<T>& table, const RotateOptions& options = {}) {
  rotate(x, x, table, options);
}

}  // namespace rope
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
