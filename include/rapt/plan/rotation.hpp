// Whether a rotary table serves a call.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/error.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/kernel/work.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Throws std::invalid_argument unless the table has a row for each query. Packed queries share their one row of
/// places.
template <class T, class Kv> void check_rotation(Rotation<T>& r, const Problem<T, Kv>& p) {
  if (r.table == nullptr) {
    if (r.rows.given()) fail("rope_rows", "is set", "it has to be unset without a table: rope");
    return;
  }
  const Index rows = r.table->rows();
  r.table->check_fits(p.head_dim(), "rope", "");
  if (r.rows.given()) {
    check_same("rope_rows", "batch", r.rows.rows(), p.q_at.entries(p.batch()), "q");
    check_same("rope_rows", "length", r.rows.columns(), p.q.length(), "q");
    Written{footprint(p.out), footprint(p.lse)}.check_apart(footprint(r.rows), "rope_rows");
    if (p.q_at.is_packed()) r.rows.repeat_row();
  }
  for (Index b = 0; b < p.batch(); ++b)
    for (Index i = 0; i < p.q_len(b); ++i) {
      const Index row = r.rows.given() ? r.rows(b, p.q_at.begin(b) + i) : p.first_query(b) + i;
      if (row < 0 || row >= rows)
        fail("rope", {"has no row ", row, ", for query ", i, " of batch entry ", b},
             {"it has those from 0 to ", rows - 1});
    }
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
