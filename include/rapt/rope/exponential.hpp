// The exponential of xPos's scales: the same bits whatever the C library.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>

#include "rapt/core/config.hpp"
#include "rapt/core/ieee.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// exp(x) for |x| <= 700, in double, to within two ulps: x = n·ln 2 + r with |r| <= ½·ln 2, e^r by its series up to
/// r^14 (the first term left out is under 2^-62).
inline double exponential(double x) {
  constexpr double ln2 = 0x1.62e42fefa39efp-1, ln2_rest = 0x1.abc9e3b39803fp-56, log2e = 0x1.71547652b82fep+0;
  const double n = std::nearbyint(x * log2e);
  const double r = ieee::fma(-n, ln2_rest, ieee::fma(-n, ln2, x));
  double series = 1.0;
  for (int k = 14; k >= 1; --k) series = ieee::fma(series, r / k, 1.0);
  return std::ldexp(series, static_cast<int>(n));
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
