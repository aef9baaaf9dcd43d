// The powers of a root: a ladder of frequencies, each the nearest double to its exact value.
//
// base^(-i/n) by std::pow is right to an ulp or so, and which ulp depends on the C library. At position 1,000,000 an
// ulp is 10^-10 of a turn, more than a double's angle need be off by. So the root is refined by a Newton step in twice
// the precision, and its powers are multiplied up there.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include "rapt/core/ieee.hpp"
#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// high + low, which is a hundred bits or so: low is at most half an ulp of high.
struct TwoDoubles {
  double high, low;
};

/// Relative error of a few 2^-104.
inline TwoDoubles product(TwoDoubles a, TwoDoubles b) {
  const double cross = ieee::fma(a.high, b.low, a.low * b.high);
  const double high = ieee::fma(a.high, b.high, cross);
  return {high, ieee::fma(a.high, b.high, -high) + cross};
}

/// x^(-1/n) for x > 0, n >= 1: one Newton step from what the C library gives, whose relative error e becomes n·e².
inline TwoDoubles inverse_root(double x, Index n) {
  const double count = static_cast<double>(n);
  const double near = std::pow(x, -1.0 / count);
  TwoDoubles one{x, 0.0};  // x · near^n, which is 1 and a little
  for (Index i = 0; i < n; ++i) one = product(one, {near, 0.0});
  const double step = -((one.high - 1.0) + one.low) / count;
  const double high = ieee::fma(near, step, near);
  return {high, ieee::fma(near, step, near - high)};
}

/// r^0, r^1, …, r^(n-1), each rounded once.
inline std::vector<double> powers(TwoDoubles r, Index n) {
  std::vector<double> found(static_cast<std::size_t>(n));
  TwoDoubles power{1.0, 0.0};
  for (double& x : found) {
    x = power.high;
    power = product(power, r);
  }
  return found;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
