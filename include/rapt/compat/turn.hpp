// Rotation by cosines and sines where a caller has them: no table is made of them.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <optional>

#include "rapt/isa/isa.hpp"
#include "rapt/parallel/items.hpp"
#include "rapt/rope/rotate.hpp"

RAPT_NAMESPACE_BEGIN
namespace compat::detail {

/// Rows of cosines and sines, [rows][pairs] each, without gaps.
template <class T> struct Angles {
  const T *cosines, *sines;
  Index pairs;
  bool interleaved;

  Angles from(Index row) const { return {cosines + row * pairs, sines + row * pairs, pairs, interleaved}; }
};

/// Turns x into y, of the same shape: x's own memory, or apart from it. Position s of entry b by row rows(b, s), or,
/// without rows, by row s. The kernel reads whole registers within a row, and single elements after them: nothing
/// beyond it.
template <class T>
void turn(const View<const T>& x, const View<T>& y, const Angles<T>& angles, const rapt::detail::IntegerMatrix& rows,
          Executor* executor, const std::optional<Isa>& isa) {
  const Index workers = rapt::detail::workers_of(executor);
  const Isa chosen = isa ? rapt::detail::isa_named(name(*isa), "options.isa") : active_isa();
  if (y.empty()) return;
  const rapt::detail::RotateKernel<T> kernel = rapt::detail::rotate_kernel<T>(chosen);
  const rapt::detail::Turn<T> by_row_0{
      angles.cosines, angles.sines,
      angles.pairs,   0,
      x.dim(),        angles.interleaved ? rope::Pairing::interleaved : rope::Pairing::half,
      false};
  const rapt::detail::RotateWork<T> work{x, y, rows, 0, by_row_0, angles.pairs};
  rapt::detail::run_items(executor, workers < work.items() ? workers : work.items(), work.items(),
                          [&](Index item, int) { kernel(work, item); });
}

}  // namespace compat::detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
