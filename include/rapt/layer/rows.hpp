// Tokens as rows: a layer's buffers, and projections of [batch, position, dim].
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstddef>
#include <span>

#include "rapt/core/integers.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/core/ragged.hpp"
#include "rapt/core/view.hpp"
#include "rapt/linear/linear.hpp"
#include "rapt/plan/schedule.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// In which order the tokens of a batch stand.
enum class TokenOrder { by_sequence, by_position };

/// Whether the tokens of a view of one head, taken in that order, are rows the same distance apart.
template <class T> bool is_even(const View<T>& x, TokenOrder order) {
  if (x.batch() <= 1 || x.length() <= 1) return true;
  return order == TokenOrder::by_sequence ? x.stride[0] == x.length() * x.stride[2]
                                          : x.stride[2] == x.batch() * x.stride[0];
}

/// All tokens, in that order, as one matrix; they have to stand evenly.
template <class T> MatrixView<T> all_rows(const View<T>& x, TokenOrder order) {
  const bool by_position = x.length() == 1 || (x.batch() > 1 && order == TokenOrder::by_position);
  return {x.data, x.batch() * x.length(), x.dim(), by_position ? x.stride[0] : x.stride[2], x.stride[3]};
}

/// Those of one sequence.
template <class T> MatrixView<T> rows_of(const View<T>& x, Index b) {
  return {x.row(b, 0, 0), x.length(), x.dim(), x.stride[2], x.stride[3]};
}

/// Rows of all heads side by side as [batch, head, position, dim].
template <class T> View<T> split_heads(const View<T>& rows, Index heads) {
  const Index dim = rows.dim() / heads;
  return {rows.data,
          {rows.batch(), heads, rows.length(), dim},
          {rows.stride[0], dim * rows.stride[3], rows.stride[2], rows.stride[3]}};
}

/// The most outputs of a projection: q, k, v and a gate.
inline constexpr std::size_t most_outputs = 4;

/// Every token of x through the projection, to the same token of each y: all at once where they stand evenly, and
/// sequence by sequence where not, which changes no bit.
template <class T>
void project(const Linear<T>& linear, const View<const T>& x, std::span<const View<T>> y,
             const LinearOptions& options) {
  MatrixView<T> rows[most_outputs];
  const std::span<const MatrixView<T>> to(rows, y.size());
  for (const TokenOrder order : {TokenOrder::by_sequence, TokenOrder::by_position}) {
    bool even = is_even(x, order);
    for (const View<T>& view : y) even = even && is_even(view, order);
    if (!even) continue;
    for (std::size_t i = 0; i < y.size(); ++i) rows[i] = all_rows(y[i], order);
    return linear(all_rows(x, order), to, options);
  }
  for (Index b = 0; b < x.batch(); ++b) {
    for (std::size_t i = 0; i < y.size(); ++i) rows[i] = rows_of(y[i], b);
    linear(rows_of(x, b), to, options);
  }
}

// Tokens of a call stand in a view, whose sequences are all as long, or in a ragged one. What follows tells the layer's
// steps the same of both.

/// Tokens that are worked on together, wherever it doesn't matter which sequence each belongs to.
struct Stretch {
  Index first_entry, entries, begin, length;

  template <class U> View<U> of(const View<U>& v) const {
    return {v.row(first_entry, 0, begin), {entries, v.heads(), length, v.dim()}, v.stride};
  }
};
template <class T, class F> void for_each_stretch(const View<T>& x, const F& f) {
  f(Stretch{0, x.batch(), 0, x.length()});
}
/// Packed sequences are one stretch, which ends with the last of them; padded ones one each, so that nothing touches
/// the padding.
template <class T, class F> void for_each_stretch(const Ragged<T>& x, const F& f) {
  if (x.placement.is_packed()) {
    const Index tokens = x.placement.at[x.count()];
    if (tokens > 0) f(Stretch{0, 1, 0, tokens});
    return;
  }
  for (Index b = 0; b < x.count(); ++b)
    if (x.length(b) > 0) f(Stretch{b, 1, x.placement.begin(b), x.length(b)});
}

/// One sequence.
template <class T> Stretch stretch_of(const View<T>& x, Index b) { return {b, 1, 0, x.length()}; }
template <class T> Stretch stretch_of(const Ragged<T>& x, Index b) {
  return {x.placement.is_packed() ? 0 : b, 1, x.placement.begin(b), x.length(b)};
}

template <class T> const View<T>& view_in(const View<T>& x) { return x; }
template <class T> const View<T>& view_in(const Ragged<T>& x) { return x.view; }
template <class T> Index count_of(const View<T>& x) { return x.batch(); }
template <class T> Index count_of(const Ragged<T>& x) { return x.count(); }
template <class T> Index length_of(const View<T>& x, Index) { return x.length(); }
template <class T> Index length_of(const Ragged<T>& x, Index b) { return x.length(b); }
template <class X> Index longest_in(const X& x) {
  Index most = 0;
  for (Index b = 0; b < count_of(x); ++b) most = std::max(most, length_of(x, b));
  return most;
}

/// Rows whose tokens stand as those of x do.
template <class U, class T> View<U> placed(const View<U>& rows, const View<T>&) { return rows; }
template <class U, class T> Ragged<U> placed(const View<U>& rows, const Ragged<T>& x) { return {rows, x.placement}; }

/// Those of one sequence alone; and the same of numbers [batch, length] for the whole view, as of positions.
template <class U, class X> View<U> sequence_of(const View<U>& rows, const X& x, Index b) {
  return stretch_of(x, b).of(rows);
}
template <class X> IntegerMatrix sequence_of(const IntegerMatrix& numbers, const X& x, Index b) {
  const Stretch stretch = stretch_of(x, b);
  return numbers.given() ? numbers.rows_of(stretch.first_entry, stretch.begin, stretch.length) : numbers;
}

/// What project() needs of its workspace for so many tokens. `side_by_side`: the numbers of each.
template <class T>
Index projection_bytes(const Linear<T>& linear, Index batch, Index length, bool side_by_side, Executor* executor) {
  return std::max(linear.workspace_bytes(batch * length, executor, side_by_side),
                  linear.workspace_bytes(length, executor, side_by_side));
}

/// A layer's buffers: tokens of so many numbers, one buffer after the other.
template <class T> class TokenBuffers {
 public:
  /// For the tokens of x, in the order in which they stand evenly.
  explicit TokenBuffers(const View<const T>& x)
      : batch_(x.batch()),
        length_(x.length()),
        order_(is_even(x, TokenOrder::by_sequence) ? TokenOrder::by_sequence : TokenOrder::by_position) {}

  /// Bytes that a buffer of tokens of `size` numbers takes: a multiple of a cache line.
  Index bytes(Index size) const { return batch_ * length_ * stride(size) * Index(sizeof(T)); }
  /// The buffer at `at`, which moves on to what comes after it.
  View<T> take(std::byte*& at, Index size) const {
    T* const data = reinterpret_cast<T*>(at);
    at += bytes(size);
    const Index row = stride(size);
    const bool by_sequence = order_ == TokenOrder::by_sequence;
    return {data,
            {batch_, 1, length_, size},
            {by_sequence ? length_ * row : row, size, by_sequence ? row : batch_ * row, 1}};
  }

 private:
  /// A cache line more than needed: rows a large power of two apart would crowd into few sets of the cache.
  static Index stride(Index size) {
    constexpr Index line = 64 / Index(sizeof(T));
    return round_up(size, line) + line;
  }

  Index batch_, length_;
  TokenOrder order_;
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
