// Scores that approach a bound and never reach it.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>
#include <string>

#include "rapt/core/coord.hpp"
#include "rapt/core/elementary.hpp"
#include "rapt/core/error.hpp"
#include "rapt/core/ieee.hpp"
#include "rapt/score/compose.hpp"

RAPT_NAMESPACE_BEGIN

/// score becomes cap · tanh(score / cap): see softcap().
struct Softcap {
  double cap;
  double inverse;

  /// In the element type: cap · tanh(score · inverse), with both factors rounded to it. (An fma with 0, as a compiler
  /// may make one of a product and of what the next stage adds, and then the product isn't rounded.)
  template <class T> constexpr T change(T score, Coord) const {
    return ieee::fma(static_cast<T>(cap), contract::tanh(score * static_cast<T>(inverse)), T(0));
  }
  void check(const ProblemShape&) const {
    if (cap == 0)
      detail::fail("softcap", "cap is 0", "it has to be positive; where 0 means none, when(cap != 0, softcap(cap))");
  }
  std::string describe() const { return "softcap(" + detail::in_words(cap) + ")"; }
};

/// Soft-capped scores, as in Gemma 2 (arXiv:2408.00118): cap · tanh(score / cap), within ±cap. Masks before or after it
/// are the same, as masked keys are left out whatever their score.
///
/// A cap of 0, by which model files often mean none, may be made but not used: when(cap != 0, softcap(cap)).
inline Softcap softcap(double cap) {
  if (cap == 0) return {0, 0};
  if (!(cap > 0 && ieee::is_finite(static_cast<float>(cap)) && ieee::is_finite(static_cast<float>(1 / cap))))
    detail::fail("softcap", {"cap is ", cap}, "it has to be a positive number, and finite as a float");
  return {cap, 1 / cap};
}

namespace detail {

/// The bound of a stage that is a softcap, or of the first one in a composition; 0 if there is none.
template <class S> double cap_of(const S&) { return 0; }
inline double cap_of(const Softcap& s) { return s.cap; }
template <class A, class B> double cap_of(const Then<A, B>& s) {
  const double first = cap_of(s.first);
  return first != 0 ? first : cap_of(s.second);
}

}  // namespace detail

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
