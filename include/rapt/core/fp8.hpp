// Numbers of 8 bits with a floating point: OCP's FP8 formats E4M3 and E5M2 (Micikevicius et al. 2022, arXiv:2209.05433;
// Open Compute Project, "8-bit Floating Point Specification", revision 1.0).
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <cstdint>

#include "rapt/core/ieee.hpp"
#include "rapt/core/narrow.hpp"
#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN

/// 4 bits of exponent, 3 of significand: magnitudes from 2^-9 to 448, no infinity, one NaN of each sign.
struct fp8_e4m3 {
  std::uint8_t bits;
};
/// 5 bits of exponent, 2 of significand: the upper half of a half, magnitudes from 2^-16 to 57344.
struct fp8_e5m2 {
  std::uint8_t bits;
};

template <class K>
concept Fp8Element = std::is_same_v<K, fp8_e4m3> || std::is_same_v<K, fp8_e5m2>;

namespace detail {

template <> struct ArithmeticOf<fp8_e4m3> { using type = float; };
template <> struct ArithmeticOf<fp8_e5m2> { using type = float; };

inline float widened(fp8_e5m2 x) { return from_half_bits(static_cast<std::uint16_t>(x.bits << 8)); }
/// A half with the same digits is 2^8 times too small; the one that it has no room for is NaN.
inline float widened(fp8_e4m3 x) {
  const int sign = (x.bits & 0x80) << 8, magnitude = (x.bits & 0x7f) == 0x7f ? 0x7e00 : (x.bits & 0x7f) << 7;
  return 256 * from_half_bits(static_cast<std::uint16_t>(sign | magnitude));
}

/// The bits of a float rounded to so many digits behind the point of a significand, exponents being `bias` less than
/// float's: to nearest, ties to even, and what is beyond `most` to that (saturating). `lowest`: the smallest normal
/// number, below which all have the same last place; `shifter` has that last place. NaN is `nan`.
template <int digits, int bias>
std::uint8_t fp8_bits(float x, float lowest, float shifter, std::uint32_t most, std::uint8_t nan) {
  constexpr int dropped = 23 - digits;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x), sign = bits >> 24 & 0x80, magnitude = bits & 0x7fffffff;
  if (ieee::is_nan(x)) return nan;
  std::uint32_t code;
  if (std::bit_cast<float>(magnitude) < lowest) {
    code =
        std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + shifter) - std::bit_cast<std::uint32_t>(shifter);
  } else {
    const std::uint32_t half = (std::uint32_t(1) << (dropped - 1)) - 1;
    code = ((magnitude + half + (magnitude >> dropped & 1)) >> dropped) - (std::uint32_t(bias) << digits);
  }
  return static_cast<std::uint8_t>(sign | (code < most ? code : most));
}

inline void narrow(float x, fp8_e4m3& to) { to.bits = fp8_bits<3, 120>(x, 0x1p-6f, 0x1p14f, 0x7e, 0x7f); }
inline void narrow(float x, fp8_e5m2& to) { to.bits = fp8_bits<2, 112>(x, 0x1p-14f, 0x1p7f, 0x7b, 0x7e); }

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
