// Tokens as rows: a layer's buffers, and projections of [batch, position, dim].
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "rapt/core/matrix.hpp"
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

/// Every token of x through the projection, to the same token of each y: all at once where they stand evenly, and
/// sequence by sequence where not, which changes no bit.
template <class T, std::size_t N>
void project(const Linear<T>& linear, const View<const T>& x, const std::array<View<T>, N>& y,
             const LinearOptions& options) {
  std::array<MatrixView<T>, N> to;
  for (const TokenOrder order : {TokenOrder::by_sequence, TokenOrder::by_position}) {
    bool even = is_even(x, order);
    for (const View<T>& view : y) even = even && is_even(view, order);
    if (!even) continue;
    for (std::size_t i = 0; i < N; ++i) to[i] = all_rows(y[i], order);
    return linear(all_rows(x, order), std::span<const MatrixView<T>>(to), options);
  }
  for (Index b = 0; b < x.batch(); ++b) {
    for (std::size_t i = 0; i < N; ++i) to[i] = rows_of(y[i], b);
    linear(rows_of(x, b), std::span<const MatrixView<T>>(to), options);
  }
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
