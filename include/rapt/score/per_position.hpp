// A number for each position: what masks of ids are made of.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <span>

#include "rapt/core/error.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/score/per_batch.hpp"

RAPT_NAMESPACE_BEGIN

/// A number for each position, [batch, positions], or [1, positions] for all batch entries: a Matrix, or numbers side
/// by side for one row. The caller's memory.
struct PerPosition {
  Matrix<const std::int32_t> ids{};

  constexpr PerPosition(const Matrix<const std::int32_t>& m)
      : ids{m.data, m.rows, m.columns, m.rows == 1 ? 0 : m.row_stride, m.column_stride} {}
  constexpr PerPosition(const Matrix<std::int32_t>& m) : PerPosition(Matrix<const std::int32_t>(m)) {}
  template <detail::Numbers R>
  constexpr PerPosition(const R& numbers) : PerPosition(row_of(std::span<const std::int32_t>(numbers))) {}
  template <detail::OwnNumbers R> PerPosition(const R&& numbers) = delete;

  /// That they are there for each of `count` positions of each batch entry; for more, if `beyond`.
  void check(const char* mask, const char* of, Index batch, Index count, bool beyond) const {
    if (ids.rows != batch && ids.rows != 1)
      detail::fail(mask, {"has ids of ", ids.rows, " batch entries"}, {"it has to have ", batch, ", or 1 for all"});
    if (ids.columns != count && !(beyond && ids.columns > count))
      detail::fail(mask, {"has ", ids.columns, " ids"}, {"it has to have ", count, ", one for each ", of});
    if (ids.data == nullptr && !ids.empty()) detail::fail(mask, "ids is a null pointer", "it has to point to the ids");
  }

 private:
  static constexpr Matrix<const std::int32_t> row_of(std::span<const std::int32_t> numbers) {
    return row_major(numbers.data(), 1, static_cast<Index>(numbers.size()));
  }
};

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
