// A number for each position: what masks of ids are made of.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/error.hpp"
#include "rapt/core/integers.hpp"
#include "rapt/score/per_batch.hpp"

RAPT_NAMESPACE_BEGIN

/// A number for each position, [batch, positions], or [1, positions] for all batch entries: a MatrixView, or numbers
/// side by side for one row; of 32 or 64 bits each. The caller's memory.
struct PerPosition {
  detail::IntegerMatrix ids{};

  template <detail::WholeNumber N> PerPosition(const MatrixView<N>& m) : PerPosition(detail::IntegerMatrix(m)) {}
  template <detail::WholeNumber N> PerPosition(const MatrixView<const N>& m) : PerPosition(detail::IntegerMatrix(m)) {}
  template <detail::Numbers R> PerPosition(const R& numbers) : PerPosition(detail::IntegerMatrix(numbers)) {}
  template <detail::OwnNumbers R> PerPosition(const R&& numbers) = delete;

  /// That they are there for each of `count` positions of each batch entry, for more, if `beyond`; and that 32 bits
  /// tell them apart, which is what kernels compare.
  void check(const char* mask, const char* of, Index batch, Index count, bool beyond) const {
    if (ids.rows() != batch && ids.rows() != 1)
      detail::fail(mask, {"has ids of ", ids.rows(), " batch entries"}, {"it has to have ", batch, ", or 1 for all"});
    if (ids.columns() != count && !(beyond && ids.columns() > count))
      detail::fail(mask, {"has ", ids.columns(), " ids"}, {"it has to have ", count, ", one for each ", of});
    if (ids.data() == nullptr && !ids.empty())
      detail::fail(mask, "ids is a null pointer", "it has to point to the ids");
    check_width(mask);
  }
  void check_width(const char* mask) const {
    for (Index b = 0; b < ids.rows() && ids.columns() > 0 && ids.row(b).bytes() == 8; ++b)
      for (Index i = 0; i < ids.columns(); ++i)
        if (ids(b, i) != ids.low(b, i))
          detail::fail(mask, {"number ", i, " of row ", b, " is ", ids(b, i)}, "it has to fit 32 bits");
  }

 private:
  explicit PerPosition(detail::IntegerMatrix m) : ids(m) {
    if (ids.rows() == 1) ids.repeat_row();
  }
};

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
