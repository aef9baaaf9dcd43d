// a · b + c, rounded once, in arithmetic of our own: for where the CPU has no instruction for it and the C library
// can't be trusted to have it right. (That of MinGW, for one, rounds twice, and newlib's is a product and a sum.)
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <cstdint>

#include "rapt/core/config.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// A whole number of 128 bits, as far as an fma needs it.
struct Wide {
  std::uint64_t high, low;

  static constexpr Wide product(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t a1 = a >> 32, a0 = a & 0xffffffff, b1 = b >> 32, b0 = b & 0xffffffff;
    const std::uint64_t least = a0 * b0, middle = a1 * b0 + (least >> 32), other = a0 * b1 + (middle & 0xffffffff);
    return {a1 * b1 + (middle >> 32) + (other >> 32), other << 32 | (least & 0xffffffff)};
  }
  constexpr Wide left(int n) const {
    if (n == 0) return *this;
    if (n >= 64) return {low << (n - 64), 0};
    return {high << n | low >> (64 - n), low << n};
  }
  /// The lowest bit says whether any that has gone was set: what rounding has to know of them.
  constexpr Wide right_sticky(int n) const {
    if (n == 0) return *this;
    if (n >= 128) return {0, static_cast<std::uint64_t>((high | low) != 0)};
    if (n > 64) return {0, high >> (n - 64) | static_cast<std::uint64_t>((high << (128 - n) | low) != 0)};
    if (n == 64) return {0, high | static_cast<std::uint64_t>(low != 0)};
    return {high >> n, high << (64 - n) | low >> n | static_cast<std::uint64_t>(low << (64 - n) != 0)};
  }
  constexpr int bit_width() const {
    return high != 0 ? 64 + static_cast<int>(std::bit_width(high)) : static_cast<int>(std::bit_width(low));
  }
  friend constexpr Wide operator+(Wide a, Wide b) {
    const std::uint64_t sum = a.low + b.low;
    return {a.high + b.high + (sum < a.low), sum};
  }
  friend constexpr Wide operator-(Wide a, Wide b) { return {a.high - b.high - (a.low < b.low), a.low - b.low}; }
  friend constexpr bool operator<(Wide a, Wide b) { return a.high != b.high ? a.high < b.high : a.low < b.low; }
};

/// A double that is neither 0 nor infinite nor NaN: ± digits · 2^exponent, with 2^52 <= digits < 2^53.
struct Scaled {
  std::uint64_t digits;
  int exponent;
  bool negative;

  constexpr explicit Scaled(double x) : digits(0), exponent(0), negative(false) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(x), fraction = bits & ((std::uint64_t(1) << 52) - 1);
    const int field = static_cast<int>(bits >> 52 & 0x7ff);
    negative = bits >> 63 != 0;
    const int shift = field == 0 ? 53 - static_cast<int>(std::bit_width(fraction)) : 0;  // of a denormal number
    digits = field == 0 ? fraction << shift : fraction | std::uint64_t(1) << 52;
    exponent = (field == 0 ? 1 : field) - 1075 - shift;
  }
};

/// ± m · 2^exponent as a double, rounded to nearest, and of two such to the even one.
constexpr double rounded(bool negative, Wide m, int exponent) {
  const int digits = m.bit_width() - 53, least = -1074 - exponent;  // that have to go: of 53, and of a denormal number
  const int gone = digits > least ? digits : least;
  std::uint64_t kept = 0;
  if (gone <= 0) {
    kept = m.left(-gone).low;
  } else {
    const Wide some =
        m.right_sticky(gone > 2 ? gone - 2 : 0).left(gone > 2 ? 0 : 2 - gone);  // two bits behind the last
    const std::uint64_t behind = some.low & 3;
    kept = some.low >> 2 | some.high << 62;
    kept += behind == 3 || (behind == 2 && (kept & 1) != 0);
  }
  const std::uint64_t one = std::uint64_t(1) << 52, sign = std::uint64_t(negative) << 63;
  if (kept < one) return std::bit_cast<double>(sign | kept);
  const int field = exponent + gone + 1075;
  if (field >= 0x7ff) return std::bit_cast<double>(sign | std::uint64_t(0x7ff) << 52);
  const std::uint64_t bits = (static_cast<std::uint64_t>(field) << 52) + (kept - one);  // carries into the exponent
  return std::bit_cast<double>(sign | bits);
}

/// a · b + c of doubles, exact in 128 bits but for what is too small to matter, and then rounded.
constexpr double fused(double a, double b, double c) {
  const auto special = [](double x) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(x) << 1;
    return bits == 0 || bits >= std::uint64_t(0x7ff) << 53;
  };
  if (special(a) || special(b)) return a * b + c;  // exact: one of them is 0, infinite or NaN
  if (special(c)) return c == 0 ? a * b : c;
  const Scaled x(a), y(b), z(c);
  const bool negative = x.negative != y.negative;
  // Both as numbers of 115 or 116 bits, so that there is room to add, and what is shifted out is far behind the last
  // digit of a sum. A difference that loses digits in front is one of like numbers, which are hardly shifted.
  Wide product = Wide::product(x.digits, y.digits).left(10), other = Wide{0, z.digits}.left(62);
  int product_exponent = x.exponent + y.exponent - 10, other_exponent = z.exponent - 62;
  const int apart = product_exponent - other_exponent;
  if (apart >= 0)
    other = other.right_sticky(apart), other_exponent = product_exponent;
  else
    product = product.right_sticky(-apart);
  if (negative == z.negative) return rounded(negative, product + other, other_exponent);
  if (product < other) return rounded(z.negative, other - product, other_exponent);
  const Wide difference = product - other;
  return difference.bit_width() == 0 ? 0.0 : rounded(negative, difference, other_exponent);
}

/// The same of floats, in doubles: the product is exact there, and the sum rounded to an odd last digit where it isn't,
/// which the second rounding then can't mistake for a tie. (Boldo and Melquiond 2008, "Emulation of FMA and correctly
/// rounded sums: proved algorithms using rounding to odd". Without a branch, as loops over it are vectorised.)
constexpr float fused(float a, float b, float c) {
  const double product = static_cast<double>(a) * static_cast<double>(b), other = static_cast<double>(c);
  const double sum = product + other, part = sum - product;
  const double error = (product - (sum - part)) + (other - part);  // exact (Møller 1965, Knuth), or NaN
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(sum);
  const bool inexact = error < 0 || error > 0, outwards = (error > 0) == (sum > 0);
  const std::uint64_t odd = (bits & 1) != 0 ? bits : outwards ? bits + 1 : bits - 1;
  return static_cast<float>(std::bit_cast<double>(inexact ? odd : bits));
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
