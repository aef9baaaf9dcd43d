// Pairs of bfloat16, the elements of multiply-adds of depth 2; and such a multiply-add by itself.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <cstdint>

#include "rapt/core/ieee.hpp"
#include "rapt/core/narrow.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Elements d and d + 1 of a query or a key, or those of two keys' values. Aligned as bfloat16 is, so that a caller's
/// row is a row of pairs.
struct Pair {
  std::uint16_t even, odd;
};

inline float even_of(Pair p) { return std::bit_cast<float>(std::uint32_t(p.even) << 16); }
inline float odd_of(Pair p) { return std::bit_cast<float>(std::uint32_t(p.odd) << 16); }

inline Pair pair_of(float even, float odd) { return {bfloat16_bits(even), bfloat16_bits(odd)}; }

/// 0 of the same sign for a number below the normal ones.
inline float flushed(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  return (bits & 0x7f800000) == 0 ? std::bit_cast<float>(bits & 0x80000000) : x;
}

inline float magnitude(float x) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0x7fffffff); }

/// a·b + c rounded once, with numbers below the normal ones taken for 0, and a result that would be one, rounded as if
/// exponents had no end, made 0. What is rounded to the smallest normal number may have come from below it: then a
/// factor of 2^64, which none of the numbers has been too large for, tells.
inline float flushed_fma(float a, float b, float c) {
  constexpr float smallest = 0x1p-126f;
  a = flushed(a), b = flushed(b), c = flushed(c);
  const float r = ieee::fma(a, b, c);
  if (!(magnitude(r) <= smallest) || r == 0) return r;
  (magnitude(a) < magnitude(b) ? a : b) *= 0x1p64f;
  const float scaled = ieee::fma(a, b, c * 0x1p64f);
  return magnitude(scaled) < smallest * 0x1p64f ? flushed(r * 0.5f) : r;
}

/// a·b, likewise.
inline float flushed_mul(float a, float b) {
  constexpr float smallest = 0x1p-126f;
  a = flushed(a), b = flushed(b);
  const float r = a * b;
  if (!(magnitude(r) <= smallest) || r == 0) return r;
  (magnitude(a) < magnitude(b) ? a : b) *= 0x1p64f;
  return magnitude(a * b) < smallest * 0x1p64f ? flushed(r * 0.5f) : r;
}

/// The multiply-add of depth 2, as Intel's vdpbf16ps has it (Architecture Instruction Set Extensions, VDPBF16PS): the
/// odd product first.
inline float multiply_add(Pair a, Pair b, float c) {
  return flushed_fma(even_of(a), even_of(b), flushed_fma(odd_of(a), odd_of(b), c));
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
