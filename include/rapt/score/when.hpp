// Stages that are switched on or off when the program runs.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "rapt/core/align.hpp"
#include "rapt/core/coord.hpp"
#include "rapt/score/coverage.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN

/// See when().
template <Stage S> struct When {
  S stage;
  bool on;
  std::optional<Align> align{};

  constexpr bool attends(Coord c) const requires detail::Masks<S> { return !on || stage.attends(c); }
  constexpr Coverage covers(const Box& box) const { return on ? detail::covers(stage, box) : Coverage::all; }
  template <class T> constexpr T change(T score, Coord c) const requires detail::Changes<S> {
    return on ? detail::changed<T>(stage, score, c) : score;
  }
  constexpr double sink(std::int32_t batch, std::int32_t head) const requires detail::Sinks<S> {
    return on ? stage.sink(batch, head) : -std::numeric_limits<double>::infinity();
  }
  void check(const ProblemShape& shape) const {
    if (on) detail::check(stage, shape);
  }
  std::string describe() const { return on ? detail::describe(stage) : "none"; }
};

/// The stage if `on`, else nothing: neither asked nor checked. A choice of `cond ? a : b` that C++ has no type for, and
/// one kernel for both: what is off costs a branch a tile. (Whatever a composition may contain is compiled into it, and
/// a stage that changes scores has them looked at once more, on or off: who never needs it leaves it out.)
template <Score S> constexpr auto when(bool on, const S& stage) {
  using Staged = detail::staged_t<S>;
  const Staged staged = detail::staged(stage);
  return When<Staged>{staged, on, on ? detail::align_of(staged) : std::nullopt};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
