// The cosines and sines of some positions, built once and shared.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "rapt/core/error.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/rounding.hpp"
#include "rapt/rope/angle.hpp"
#include "rapt/rope/exponential.hpp"
#include "rapt/rope/spec.hpp"
#include "rapt/rope/turn.hpp"

RAPT_NAMESPACE_BEGIN
namespace rope {

/// Rows of cosines and sines, one row for each position that it was built for. `T` is float or double.
///
/// Computed in double, whatever T, and rounded to it once: as good at position 1,000,000 as at position 1. Never
/// changes after its making, so any number of threads may use one at once. A table costs rows · rotary_dim numbers:
/// pass it by reference.
template <class T> class Table {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>, "rapt: a rope::Table holds float or double");

 public:
  /// Positions 0, 1, …, length − 1. Where a position has several components, all of them are that number.
  ///
  /// Throws std::invalid_argument for a spec that can't be right, a negative length, and angles of 2^30 radians or
  /// more. So do the next two, for positions.
  Table(const Spec& spec, Index length) {
    detail::check_spec(spec);
    detail::require(length >= 0 && length < detail::max_length, "length", "length", length,
                    "it has to be from 0 to 2^30 - 1");
    fill(spec, length, [](Index row, Index) { return row; });
  }

  /// Positions of the caller's, in any order: row r is of positions[r].
  template <detail::Numbers R>
  Table(const Spec& spec, const R& positions)
      : Table(spec, detail::IntegerMatrix(
                        row_major(std::data(positions), static_cast<Index>(std::size(positions)), Index(1)))) {}

  /// Positions of several components: row r is of positions(r, 0), positions(r, 1), …; [rows, position_components].
  template <detail::WholeNumber N>
  Table(const Spec& spec, const MatrixView<N>& positions) : Table(spec, detail::IntegerMatrix(positions)) {}
  Table(const Spec& spec, const detail::IntegerMatrix& positions) {
    detail::check_spec(spec);
    detail::require(positions.rows() >= 0 && positions.rows() < detail::max_length, "positions", "the number of rows",
                    positions.rows(), "it has to be from 0 to 2^30 - 1");
    if (positions.columns() != spec.position_components())
      detail::fail("positions", "the number of components is " + std::to_string(positions.columns()),
                   "it has to be " + std::to_string(spec.position_components()) + ", as in spec");
    if (!positions.empty() && !positions.given())
      detail::fail("positions", "data is a null pointer", "it has to point to the elements, as no extent is 0");
    fill(spec, positions.rows(), [&](Index row, Index component) { return positions(row, component); });
  }

  /// Cosines and sines of the caller's: [rows, rotary_dim / 2] each. They are copied. (Where they come twice as wide,
  /// the second half a copy of the first, pass the first half: columns = rotary_dim / 2, row_stride = rotary_dim.)
  Table(const MatrixView<const T>& cosines, const MatrixView<const T>& sines, Pairing pairing = Pairing::half,
        Index offset = 0) {
    detail::require(cosines.rows >= 0 && cosines.rows < detail::max_length, "cosines", "the number of rows",
                    cosines.rows, "it has to be from 0 to 2^30 - 1");
    detail::require(cosines.columns >= 1 && cosines.columns < detail::max_length, "cosines", "the number of columns",
                    cosines.columns, "it has to be from 1 to 2^30 - 1");
    detail::check_same("sines", "the number of rows", sines.rows, cosines.rows, "cosines");
    detail::check_same("sines", "the number of columns", sines.columns, cosines.columns, "cosines");
    detail::require(offset >= 0 && offset < detail::max_length, "offset", "offset", offset,
                    "it has to be from 0 to 2^30 - 1");
    if (!cosines.empty()) detail::check_pointer(cosines.data, "cosines");
    if (!sines.empty()) detail::check_pointer(sines.data, "sines");
    reserve(cosines.rows, cosines.columns, pairing, offset);
    for (Index r = 0; r < rows_; ++r)
      for (Index p = 0; p < pairs_; ++p) {
        row(r)[p] = cosines(r, p);
        row(r)[padded_pairs_ + p] = sines(r, p);
      }
  }

  Index rows() const { return rows_; }
  Index pairs() const { return pairs_; }
  Index rotary_dim() const { return 2 * pairs_; }
  Index offset() const { return offset_; }  ///< the first rotary dim
  Pairing pairing() const { return pairing_; }

  /// Of row r: [pairs], aligned to 64 bytes and readable up to the next multiple of 64 bytes.
  const T* cosine(Index r) const { return numbers() + r * row_stride(); }
  const T* sine(Index r) const { return cosine(r) + padded_pairs_; }
  /// Elements from one row to the next.
  Index row_stride() const { return 2 * padded_pairs_; }

  /// Throws std::invalid_argument, which names `argument`, unless the rotary dims are within `head_dim` of `whose`.
  void check_fits(Index head_dim, const char* argument, const char* whose) const {
    if (offset_ + rotary_dim() > head_dim)
      detail::fail(argument, {"rotates dims ", offset_, " to ", offset_ + rotary_dim() - 1},
                   {"they have to be within ", whose, "head_dim, ", head_dim});
  }

  /// How row r turns a vector of head_dim elements, for kernels: with `inverse`, back.
  detail::Turn<T> turn(Index r, Index head_dim, bool inverse = false) const {
    return {cosine(r), sine(r), pairs_, offset_, head_dim, pairing_, inverse};
  }
  /// What turns a row, on an instruction set.
  detail::TurnRow<T> turn_row(Isa isa) const { return turn_row_(isa); }

 private:
  /// A cache line, so that rows are aligned.
  struct alignas(64) Line {
    T numbers[64 / sizeof(T)]{};
  };
  static constexpr Index line = 64 / Index(sizeof(T));

  const T* numbers() const { return reinterpret_cast<const T*>(lines_.data()); }
  T* row(Index r) { return reinterpret_cast<T*>(lines_.data()) + r * row_stride(); }

  void reserve(Index rows, Index pairs, Pairing pairing, Index offset) {
    rows_ = rows;
    pairs_ = pairs;
    padded_pairs_ = detail::round_up(pairs, line);
    offset_ = offset;
    pairing_ = pairing;
    lines_.resize(static_cast<std::size_t>(rows * row_stride() / line));
    turn_row_ = &detail::turn_row<T>;
  }

  template <class Position> void fill(const Spec& spec, Index rows, Position position);

  Index rows_ = 0, pairs_ = 0, padded_pairs_ = 0, offset_ = 0;
  Pairing pairing_ = Pairing::half;
  std::vector<Line> lines_;
  detail::TurnRow<T> (*turn_row_)(Isa) = nullptr;
};

}  // namespace rope

namespace detail {

/// Throws unless the angle is one that can be reduced, and the scale one that T can hold.
inline void check_position(const rope::Spec& spec, std::size_t pair, Index position, double max_exponent) {
  const double at = static_cast<double>(position);
  if (!(std::abs(at * spec.inverse_frequencies[pair]) < max_angle))
    fail("positions", "position " + std::to_string(position) + " is an angle of 2^30 or more",
         "it has to be less: a smaller position or inverse frequency");
  if (!spec.growth.empty() && !(std::abs(spec.growth[pair] * (at - spec.centre)) <= max_exponent))
    fail("positions", "position " + std::to_string(position) + " has a scale that is too large or too small",
         "its logarithm has to be within " + std::to_string(static_cast<int>(max_exponent)) +
             ": move the spec's centre");
}

}  // namespace detail

namespace rope {

/// position(row, component) is an integer.
template <class T> template <class Position> void Table<T>::fill(const Spec& spec, Index rows, Position position) {
  const Index n = spec.pairs();
  const double max_exponent = sizeof(T) == 8 ? 700 : 87;
  const auto component = [&](std::size_t p) { return spec.components.empty() ? 0 : spec.components[p]; };
  for (Index r = 0; r < rows; ++r)
    for (std::size_t p = 0; p < static_cast<std::size_t>(n); ++p)
      detail::check_position(spec, p, position(r, component(p)), max_exponent);

  reserve(rows, n, spec.pairing, spec.offset);
  const std::size_t lanes = static_cast<std::size_t>((n + detail::angle_lanes - 1) / detail::angle_lanes) *
                            static_cast<std::size_t>(detail::angle_lanes);
  std::vector<double> at(lanes), frequency(lanes), cosines(lanes), sines(lanes);
  std::copy(spec.inverse_frequencies.begin(), spec.inverse_frequencies.end(), frequency.begin());
  const detail::AngleKernel cosines_and_sines = detail::angle_kernel(active_isa());
  for (Index r = 0; r < rows; ++r) {
    for (std::size_t p = 0; p < static_cast<std::size_t>(n); ++p)
      at[p] = static_cast<double>(position(r, component(p)));
    cosines_and_sines(at.data(), frequency.data(), static_cast<Index>(lanes), cosines.data(), sines.data());
    T* const cosine = row(r);
    T* const sine = cosine + padded_pairs_;
    for (std::size_t p = 0; p < static_cast<std::size_t>(n); ++p) {
      double factor = spec.attention_factor;
      if (!spec.growth.empty()) factor *= detail::exponential(spec.growth[p] * (at[p] - spec.centre));
      cosine[p] = static_cast<T>(cosines[p] * factor);
      sine[p] = static_cast<T>(sines[p] * factor);
    }
  }
}

}  // namespace rope
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
