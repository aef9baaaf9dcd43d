// What may stand between the scores and the softmax: stages.
//
// A stage is a small value with one or more of these members, and what it lacks it does not do:
//
//     bool attends(Coord) const             a mask: whether the query attends to the key
//     Coverage covers(const Box&) const     of a mask: how much of a box of scores it lets through, so that whole tiles
//                                           are skipped or left unmasked; without it, each tile is asked score by score
//     std::uint64_t row_bits(Coord first, Index count) const
//                                           of a mask: bit j says whether the query attends to key first.key + j, of
//                                           `count`, 64 at most; for what is better looked up once a row than once a
//                                           score
//     T change(T score, Coord) const        a score change, for T float and double (a template, or one of them)
//     void change_row(T* scores, Index count, Coord first) const
//                                           the same for the scores, side by side, of one query with the keys from
//                                           first.key on, 64 at most. Alone it is a score change; beside change(), with
//                                           the same meaning, it serves where rows stand side by side: few queries
//     double sink(std::int32_t batch, std::int32_t head) const
//                                           a logit that joins the softmax's denominator, once a row; −∞ is none
//     void check(const ProblemShape&) const throws std::invalid_argument if it can't serve a call of this shape: asked
//                                           before anything else of it, and before anything is written. A stage that
//                                           reads memory of the caller's calls shape.check_apart() for it here
//     std::string describe() const          its words in Plan::explain()
//     std::optional<Align> align            where it wants the queries to stand
//
// A function bool(Coord) is a mask, and a function float(float, Coord) (for doubles, double(double, Coord)) a score
// change: lambdas are stages like any other.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include "rapt/core/align.hpp"
#include "rapt/core/coord.hpp"
#include "rapt/core/overlap.hpp"
#include "rapt/core/types.hpp"
#include "rapt/score/coverage.hpp"

RAPT_NAMESPACE_BEGIN

/// Nothing: every query attends to every key.
struct Plain {
  std::optional<Align> align{};

  constexpr bool attends(Coord) const { return true; }
  constexpr Coverage covers(const Box&) const { return Coverage::all; }
  std::string describe() const { return "none"; }
};

/// What a call is about, for stages that hold something for each head, query or key.
struct ProblemShape {
  Index batch, q_heads, q_len;
  Index kv_len;               ///< the longest, if each batch entry has its own, as in a cache
  detail::Written written{};  ///< where the output and the logsumexp go

  /// Throws std::invalid_argument if the call writes to this memory, a View or a MatrixView, which the stage reads.
  template <class M> void check_apart(const M& memory, const char* stage) const {
    written.check_apart(detail::footprint(memory), stage);
  }
};

namespace detail {

template <class S>
concept Masks = requires(const S& s, Coord c) {
  { s.attends(c) } -> std::same_as<bool>;
};
template <class S>
concept Covers = requires(const S& s, const Box& box) {
  { s.covers(box) } -> std::same_as<Coverage>;
};
template <class S>
concept MasksRows = Masks<S> && requires(const S& s, Coord c, Index count) {
  { s.row_bits(c, count) } -> std::same_as<std::uint64_t>;
};
template <class S>
concept ChangesScores = requires(const S& s, Coord c) {
  { s.change(1.0f, c) } -> std::convertible_to<double>;
};
template <class S, class T>
concept ChangesRowsOf = requires(const S& s, T* scores, Index count, Coord c) {
  s.change_row(scores, count, c);
};
template <class S>
concept ChangesRows = ChangesRowsOf<S, float> || ChangesRowsOf<S, double>;
template <class S>
concept Changes = ChangesScores<S> || ChangesRows<S>;
template <class S>
concept Sinks = requires(const S& s, std::int32_t i) {
  { s.sink(i, i) } -> std::same_as<double>;
};

}  // namespace detail

/// A mask, a score change, a sink, or a composition of them.
template <class S>
concept Stage = detail::Masks<S> || detail::Changes<S> || detail::Sinks<S>;

namespace detail {

// A stage by its members, or what stands for those that it lacks.

template <class S> constexpr bool attends(const S& s, Coord c) {
  if constexpr (Masks<S>)
    return s.attends(c);
  else
    return true;
}
template <class S> constexpr Coverage covers(const S& s, const Box& box) {
  if constexpr (Covers<S>)
    return s.covers(box);
  else
    return Masks<S> ? Coverage::some : Coverage::all;
}
template <class T, class S> constexpr T changed(const S& s, T score, Coord c) {
  if constexpr (ChangesScores<S>) {
    static_assert(std::is_same_v<decltype(s.change(score, c)), T>,
                  "rapt: a score change of doubles has to take and return double, or else digits are lost");
    return s.change(score, c);
  } else if constexpr (Changes<S>) {
    static_assert(ChangesRowsOf<S, T>, "rapt: a score change by rows has to take the call's type, float or double");
    s.change_row(&score, 1, c);
    return score;
  } else {
    return score;
  }
}
template <class S> void check(const S& s, const ProblemShape& shape) {
  if constexpr (requires { s.check(shape); }) s.check(shape);
}
/// The same of a validated problem (any P of core/problem.hpp).
template <class S, class P> void check_stage(const S& s, const P& p) {
  if constexpr (requires(const ProblemShape& shape) { s.check(shape); })
    s.check({p.batch(), p.q_heads(), p.longest_q(), p.kv.longest(), {footprint(p.out), footprint(p.lse)}});
}
template <class S> std::string describe(const S& s) {
  if constexpr (requires { s.describe(); })
    return s.describe();
  else
    return "a stage without a description";
}
template <class S> constexpr std::optional<Align> align_of(const S& s) {
  if constexpr (requires { s.align; })
    return s.align;
  else
    return std::nullopt;
}

/// A function as a stage, with what other members of a stage it has.
template <class F> struct MaskFunction {
  F function;
  constexpr bool attends(Coord c) const { return function(c); }
  constexpr Coverage covers(const Box& box) const requires(Covers<F>) { return function.covers(box); }
  std::uint64_t row_bits(Coord first, Index count) const requires requires {
    { function.row_bits(first, count) } -> std::same_as<std::uint64_t>;
  }
  { return function.row_bits(first, count); }
  std::string describe() const { return "a mask function"; }
};
template <class F> struct ChangeFunction {
  F function;
  template <class T> constexpr auto change(T score, Coord c) const { return function(score, c); }
  template <class T>
    requires(ChangesRowsOf<F, T>)
  void change_row(T* scores, Index count, Coord first) const { function.change_row(scores, count, first); }
  std::string describe() const { return "a score function"; }
};

template <class F>
concept IsMaskFunction = requires(const F& f, Coord c) {
  { f(c) } -> std::same_as<bool>;
};
template <class F>
concept IsChangeFunction = requires(const F& f, Coord c) {
  { f(1.0f, c) } -> std::floating_point;
};

/// Any stage or function as a stage. (A function may have a stage's other members too, as covers() or change_row().)
template <Stage S>
  requires(!IsMaskFunction<S> && !IsChangeFunction<S>)
constexpr const S& staged(const S& s) { return s; }
template <IsMaskFunction F> constexpr MaskFunction<F> staged(const F& f) { return {f}; }
template <IsChangeFunction F> constexpr ChangeFunction<F> staged(const F& f) { return {f}; }
template <class S> using staged_t = std::remove_cvref_t<decltype(staged(std::declval<const S&>()))>;

}  // namespace detail

/// What attention() takes for its fifth argument: a stage, or a function that is one.
template <class S>
concept Score = Stage<S> || detail::IsMaskFunction<S> || detail::IsChangeFunction<S>;

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
