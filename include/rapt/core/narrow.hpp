// The 16-bit types that keys, values and weights may be kept in, element by element. (Whole registers: the vector
// vocabulary.)
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

#include "rapt/core/ieee.hpp"
#include "rapt/core/types.hpp"

// Eigen's types, whose headers only those who use them need.
namespace Eigen {
struct half;
struct bfloat16;
}  // namespace Eigen

RAPT_NAMESPACE_BEGIN
namespace detail {

template <> struct ArithmeticOf<Eigen::half> { using type = float; };
template <> struct ArithmeticOf<Eigen::bfloat16> { using type = float; };

/// What elements kept as K are computed in.
template <class K> using arithmetic_t = typename ArithmeticOf<K>::type;

template <class K> std::uint16_t bits_of(const K& x) {
  std::uint16_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

inline float widened(float x) { return x; }
inline double widened(double x) { return x; }

inline float widened(const Eigen::bfloat16& x) { return std::bit_cast<float>(std::uint32_t(bits_of(x)) << 16); }

/// The number of a half's bits. The exponent moves from one bias to the other by a multiplication, which makes denormal
/// numbers normal as well.
inline float from_half_bits(std::uint16_t half) {
  const std::uint32_t bits = half, magnitude = bits & 0x7fff, sign = (bits & 0x8000) << 16;
  const std::uint32_t moved = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude << 13) * 0x1p112f);
  return std::bit_cast<float>(sign | moved | (magnitude >= 0x7c00 ? 0x7f800000 : 0));
}
inline float widened(const Eigen::half& x) { return from_half_bits(bits_of(x)); }

template <class K> void set_bits(K& x, std::uint32_t bits) {
  const auto narrow = static_cast<std::uint16_t>(bits);
  std::memcpy(static_cast<void*>(&x), &narrow, sizeof narrow);
}

inline void narrow(float x, float& to) { to = x; }
inline void narrow(double x, double& to) { to = x; }

/// The bits of a float rounded to bfloat16, to nearest, ties to even. NaN becomes the canonical one.
inline std::uint16_t bfloat16_bits(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  return static_cast<std::uint16_t>(ieee::is_nan(x) ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
inline void narrow(float x, Eigen::bfloat16& to) { set_bits(to, bfloat16_bits(x)); }

/// The same of half. For a denormal result the hardware rounds: the last place of 0.5 + x is worth as much as the
/// result's.
inline std::uint16_t half_bits(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x), magnitude = bits & 0x7fffffff, sign = bits >> 16 & 0x8000;
  std::uint32_t half = 0;
  if (magnitude < 0x38800000) {                                // below 2^-14
    const float sum = std::bit_cast<float>(magnitude) + 0.5f;  // last place 2^-24
    half = std::bit_cast<std::uint32_t>(sum) - 0x3f000000;
  } else if (magnitude < 0x477ff000) {
    half = (magnitude + 0xfff + (magnitude >> 13 & 1) - 0x38000000) >> 13;
  } else {
    half = 0x7c00;  // rounds to 65536 or more
  }
  return static_cast<std::uint16_t>(ieee::is_nan(x) ? 0x7e00 : sign | half);
}
inline void narrow(float x, Eigen::half& to) { set_bits(to, half_bits(x)); }

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
