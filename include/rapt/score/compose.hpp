// Stages one after the other: a | b.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "rapt/core/error.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN

/// First one stage, then another: scores change in this order, and both masks have to let a key through.
template <Stage A, Stage B> struct Then {
  A first;
  B second;
  std::optional<Align> align{};

  constexpr bool attends(Coord c) const requires(detail::Masks<A> || detail::Masks<B>) {
    const bool a = detail::attends(first, c), b = detail::attends(second, c);  // both: a loop has no use for a branch
    return a & b;
  }
  constexpr Coverage covers(const Box& box) const {
    const Coverage a = detail::covers(first, box);
    if (a == Coverage::none) return a;
    const Coverage b = detail::covers(second, box);
    return a == Coverage::all ? b : b == Coverage::all ? a : std::min(b, Coverage::some);
  }
  template <class T> constexpr T change(T score, Coord c) const requires(detail::Changes<A> || detail::Changes<B>) {
    return detail::changed<T>(second, detail::changed<T>(first, score, c), c);
  }
  /// The logarithm of the sum of both sinks' exponentials would be one sink; two are refused when composed.
  constexpr double sink(std::int32_t batch, std::int32_t head) const requires(detail::Sinks<A> || detail::Sinks<B>) {
    if constexpr (detail::Sinks<A>)
      return first.sink(batch, head);
    else
      return second.sink(batch, head);
  }
  void check(const ProblemShape& shape) const {
    detail::check(first, shape);
    detail::check(second, shape);
  }
  std::string describe() const { return detail::describe(first) + " | " + detail::describe(second); }
};

namespace detail {

/// The one alignment of two stages. Two different ones in one composition can't both be meant.
inline std::optional<Align> one_align(const std::optional<Align>& a, const std::optional<Align>& b) {
  if (a && b && *a != *b)
    fail("score", {"is composed of a ", describe(*a), " and a ", describe(*b), " alignment"},
         "one composition has one alignment");
  return a ? a : b;
}

template <class S>
concept Function = !Stage<S> && (IsMaskFunction<S> || IsChangeFunction<S>);

}  // namespace detail

/// Stages, or a stage and a function, in the order in which they apply. (C++ finds this by an operand of rapt's: two of
/// your own need `using rapt::operator|;` or a rapt::Plain{} before them.)
template <class A, class B>
  requires((Stage<A> && Score<B>) || (detail::Function<A> && Stage<B>))
constexpr auto operator|(const A& a, const B& b) {
  using First = detail::staged_t<A>;
  using Second = detail::staged_t<B>;
  static_assert(!(detail::Sinks<First> && detail::Sinks<Second>), "rapt: one composition has one sinks()");
  return Then<First, Second>{detail::staged(a), detail::staged(b),
                             detail::one_align(detail::align_of(a), detail::align_of(b))};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
