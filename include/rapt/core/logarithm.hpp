// The natural logarithm of the contract: the same bits whatever the C library.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "rapt/core/config.hpp"
#include "rapt/core/ieee.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// log(x) for a normal x > 0, in double: x = 2^e · f with f in [√½, √2), log f = 2·artanh(s) with s = (f − 1)/(f + 1),
/// by its series up to s^21 (the first term left out is under 2^-57 of the sum).
inline double logarithm(double x) {
  constexpr double ln2 = 0x1.62e42fefa39efp-1, ln2_rest = 0x1.abc9e3b39803fp-56;
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t sqrt_half = 0x3fe6a09e667f3bcd;  // the bits of √½
  const std::int64_t exponent = static_cast<std::int64_t>(bits - sqrt_half) >> 52;
  const double f = std::bit_cast<double>(bits - (static_cast<std::uint64_t>(exponent) << 52));
  const double s = (f - 1.0) / (f + 1.0), z = s * s;
  double series = 0.0;
  for (int k = 10; k >= 1; --k) series = ieee::fma(series, z, 1.0 / (2 * k + 1));
  const double e = static_cast<double>(exponent);
  const double small = ieee::fma(e, ln2_rest, 2.0 * s * (series * z));
  return ieee::fma(e, ln2, ieee::fma(2.0, s, small));
}

/// m + log(l): the logsumexp of a row, −∞ if no key was attended.
template <class T> T logsumexp(T m, T l) {
  if (l == T(0)) return -std::numeric_limits<T>::infinity();
  if (!(l < std::numeric_limits<T>::infinity()) || m != m) return std::numeric_limits<T>::quiet_NaN();
  const double sum = static_cast<double>(m) + logarithm(static_cast<double>(l));
  return static_cast<T>(sum);
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
