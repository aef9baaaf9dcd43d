// Masks combined: a && b, a || b, !a.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "rapt/score/compose.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Stages that say only what is attended.
template <class S>
concept OnlyMasks = Masks<S> && !Changes<S> && !Sinks<S>;

/// What a combination answers for both of its operands.
template <class A, class B> struct Both {
  A first;
  B second;
  std::optional<Align> align{};

  void check(const ProblemShape& shape) const {
    detail::check(first, shape);
    detail::check(second, shape);
  }
  std::string describe_with(const char* word) const {
    return "(" + detail::describe(first) + word + detail::describe(second) + ")";
  }
};

template <class A, class B> constexpr bool combine() {
  static_assert(OnlyMasks<A> && OnlyMasks<B>,
                "rapt: &&, || and ! combine masks; a score change or a sink goes before or after them, with |");
  return OnlyMasks<A> && OnlyMasks<B>;
}

}  // namespace detail

/// What both masks let through.
template <class A, class B> struct And : detail::Both<A, B> {
  constexpr bool attends(Coord c) const {
    const bool a = this->first.attends(c), b = this->second.attends(c);
    return a & b;
  }
  constexpr Coverage covers(const Box& box) const {
    const Coverage a = detail::covers(this->first, box);
    return a == Coverage::none ? a : std::min(a, detail::covers(this->second, box));
  }
  std::string describe() const { return this->describe_with(" && "); }
};

/// What either mask lets through.
template <class A, class B> struct Or : detail::Both<A, B> {
  constexpr bool attends(Coord c) const {
    const bool a = this->first.attends(c), b = this->second.attends(c);
    return a | b;
  }
  constexpr Coverage covers(const Box& box) const {
    const Coverage a = detail::covers(this->first, box);
    return a == Coverage::all ? a : std::max(a, detail::covers(this->second, box));
  }
  std::string describe() const { return this->describe_with(" || "); }
};

/// What a mask doesn't let through.
template <class A> struct Not {
  A mask;
  std::optional<Align> align{};

  constexpr bool attends(Coord c) const { return !mask.attends(c); }
  constexpr Coverage covers(const Box& box) const {
    const Coverage a = detail::covers(mask, box);
    return a == Coverage::none ? Coverage::all : a == Coverage::all ? Coverage::none : a;
  }
  void check(const ProblemShape& shape) const { detail::check(mask, shape); }
  std::string describe() const { return "!" + detail::describe(mask); }
};

/// Both masks, as `|` has it; and here for the sake of a || (b && c). Operands are masks, and functions bool(Coord)
/// next to one of rapt's. All are asked: these don't stop at the first answer. Mind C++'s order: `|` binds tighter than
/// `&&`.
template <class A, class B>
  requires((Stage<A> && Score<B>) || (detail::Function<A> && Stage<B>))
constexpr auto operator&&(const A& a, const B& b) {
  using First = detail::staged_t<A>;
  using Second = detail::staged_t<B>;
  if constexpr (detail::combine<First, Second>())
    return And<First, Second>{
        {detail::staged(a), detail::staged(b), detail::one_align(detail::align_of(a), detail::align_of(b))}};
}

/// Either mask, or both.
template <class A, class B>
  requires((Stage<A> && Score<B>) || (detail::Function<A> && Stage<B>))
constexpr auto operator||(const A& a, const B& b) {
  using First = detail::staged_t<A>;
  using Second = detail::staged_t<B>;
  if constexpr (detail::combine<First, Second>())
    return Or<First, Second>{
        {detail::staged(a), detail::staged(b), detail::one_align(detail::align_of(a), detail::align_of(b))}};
}

/// What the mask masks. (A function needs a stage next to it: `!(rapt::Plain{} && f)`; C++ reads `!f` as false.)
template <Stage A> constexpr auto operator!(const A& a) {
  if constexpr (detail::combine<A, A>()) return Not<A>{a, detail::align_of(a)};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
