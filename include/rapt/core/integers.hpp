// A caller's whole numbers, wherever counts, offsets, positions, pages or ids are taken: of 32 or 64 bits, with a sign
// or without.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <span>
#include <type_traits>

#include "rapt/core/matrix.hpp"
#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

template <class N>
concept WholeNumber = std::integral<N> &&(sizeof(N) == 4 || sizeof(N) == 8);

/// Such numbers side by side: in a std::vector, std::array, std::span or array.
template <class R>
concept Numbers = requires(const R& r) {
  std::size(r);
  requires WholeNumber<std::remove_cvref_t<decltype(*std::data(r))>>;
};

/// Numbers that are gone by the time they are read, if they come as a temporary.
template <class R> inline constexpr bool is_span = false;
template <class E, std::size_t n> inline constexpr bool is_span<std::span<E, n>> = true;
template <class R>
concept OwnNumbers = Numbers<R> && !is_span<R>;

/// Whole numbers a fixed step apart in memory. Owns nothing. They are read as bytes, so that one class serves all
/// types, and kernels have no parameter for them.
class Integers {
 public:
  Integers() = default;
  template <WholeNumber N>
  Integers(const N* data, Index count, Index step)
      : data_(data),
        size_(count),
        step_(step * Index(sizeof(N))),
        wide_(sizeof(N) == 8),
        signed_(std::is_signed_v<N>) {}
  template <Numbers R> Integers(const R& r) : Integers(std::data(r), static_cast<Index>(std::size(r)), 1) {}

  const void* data() const { return data_; }
  Index size() const { return size_; }
  /// Bytes of a number, and from one to the next.
  Index bytes() const { return wide_ ? 8 : 4; }
  Index step() const { return step_; }

  /// Any number but those from 2^63 on, which are taken for 2^63 - 1.
  Index operator[](Index i) const {
    const std::byte* const at = place(i);
    if (!wide_) return signed_ ? Index(read<std::int32_t>(at)) : Index(read<std::uint32_t>(at));
    const Index n = read<Index>(at);
    return signed_ || n >= 0 ? n : std::numeric_limits<Index>::max();
  }
  /// `count` of the numbers that stand so many bytes on.
  Integers from(Index bytes, Index count) const {
    Integers part = *this;
    part.data_ = static_cast<const std::byte*>(data_) + bytes;
    part.size_ = count;
    return part;
  }
  /// The lowest 32 bits: the number itself, where it is known to fit.
  std::int32_t low(Index i) const { return read<std::int32_t>(place(i) + low_word()); }

 private:
  template <class N> static N read(const std::byte* at) {
    N n;
    std::memcpy(&n, at, sizeof n);
    return n;
  }
  const std::byte* place(Index i) const { return static_cast<const std::byte*>(data_) + i * step_; }
  Index low_word() const { return std::endian::native == std::endian::big && wide_ ? 4 : 0; }

  const void* data_ = nullptr;
  Index size_ = 0;
  Index step_ = 0;
  bool wide_ = false, signed_ = true;
};

/// The same in rows and columns: made of a MatrixView, or of numbers side by side, which are one row.
class IntegerMatrix {
 public:
  IntegerMatrix() = default;
  template <WholeNumber N> IntegerMatrix(const MatrixView<N>& m) : IntegerMatrix(MatrixView<const N>(m)) {}
  template <WholeNumber N>
  IntegerMatrix(const MatrixView<const N>& m)
      : first_row_(m.data, m.columns, m.column_stride), rows_(m.rows), row_step_(m.row_stride * Index(sizeof(N))) {}
  template <Numbers R> IntegerMatrix(const R& r) : first_row_(r), rows_(1) {}

  const void* data() const { return first_row_.data(); }
  bool given() const { return data() != nullptr; }
  Index rows() const { return rows_; }
  Index columns() const { return first_row_.size(); }
  bool empty() const { return rows() == 0 || columns() == 0; }
  Index row_step() const { return row_step_; }

  Integers row(Index r) const { return part(r, 0, columns()); }
  Index operator()(Index r, Index c) const { return row(r)[c]; }
  std::int32_t low(Index r, Index c) const { return row(r).low(c); }

  /// `count` numbers of row r from column c on.
  Integers part(Index r, Index c, Index count) const {
    return first_row_.from(r * row_step_ + c * first_row_.step(), count);
  }
  /// The same as a matrix of one row.
  IntegerMatrix rows_of(Index r, Index c, Index count) const {
    IntegerMatrix one = *this;
    one.first_row_ = part(r, c, count);
    one.rows_ = 1;
    return one;
  }
  /// Every row is the first one.
  void repeat_row() { row_step_ = 0; }

 private:
  Integers first_row_{};
  Index rows_ = 0;
  Index row_step_ = 0;  // bytes
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
