// The operations of IEEE 754 that C++ has as functions.
//
// Those of <cmath> are inline functions: they have the floating-point flags of whoever included it first, which the
// fence can't reach. (With Clang's -fassociative-math a std::fma comes apart, and with -fno-honor-nans std::isnan is
// false.) These are the compiler's own, inside the fence.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <cstdint>
#include <limits>

#include "rapt/core/config.hpp"
#include "rapt/core/fused.hpp"

// Whose fma rounds once: that of a CPU that the file is compiled for and that has an instruction for it; and those of
// the C libraries that are known to, which are glibc, the ones of Apple's, Android's and the BSDs' systems, and musl as
// WebAssembly has it. Elsewhere, as with MinGW, Microsoft's library and newlib, core/fused.hpp stands in.
#if (defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)) || defined(__FMA__) || defined(__aarch64__)
#define RAPT_TRUSTS_FMA 1
#elif defined(__GLIBC__) || defined(__APPLE__) || defined(__BIONIC__) || defined(__FreeBSD__) || \
    defined(__NetBSD__) || defined(__OpenBSD__) || defined(__wasi__) || defined(__EMSCRIPTEN__)
#define RAPT_TRUSTS_FMA 1
#else
#define RAPT_TRUSTS_FMA 0
#endif

RAPT_NAMESPACE_BEGIN
namespace ieee {

// Clang 14 gives its built-in functions the flags of the file even inside the fence, but not where a conversion from
// floating point is what they are part of, as that obeys the fence and hands it down. So each stands in a conversion of
// nothing. (Split in two by -funsafe-math-optimizations, an fma rounds twice where the CPU has none.)
#if defined(__clang__)
#define RAPT_AS_WRITTEN(statement)                    \
  static_cast<void>(static_cast<bool>(__extension__({ \
    statement;                                        \
    0.0f;                                             \
  })))
#else
#define RAPT_AS_WRITTEN(statement) statement
#endif

/// a · b + c, rounded once.
#if RAPT_TRUSTS_FMA
RAPT_INLINE float fma(float a, float b, float c) {
  RAPT_AS_WRITTEN(a = __builtin_fmaf(a, b, c));
  return a;
}
RAPT_INLINE double fma(double a, double b, double c) {
  RAPT_AS_WRITTEN(a = __builtin_fma(a, b, c));
  return a;
}
#else
RAPT_INLINE float fma(float a, float b, float c) { return detail::fused(a, b, c); }
RAPT_INLINE double fma(double a, double b, double c) { return detail::fused(a, b, c); }
#endif

/// Correctly rounded.
RAPT_INLINE float sqrt(float x) {
  RAPT_AS_WRITTEN(x = __builtin_sqrtf(x));
  return x;
}
RAPT_INLINE double sqrt(double x) {
  RAPT_AS_WRITTEN(x = __builtin_sqrt(x));
  return x;
}

#undef RAPT_AS_WRITTEN

/// Asked of the bits: a flag that denies NaN and infinity would be believed of a comparison.
RAPT_INLINE bool is_nan(float x) { return (std::bit_cast<std::uint32_t>(x) & 0x7fffffff) > 0x7f800000; }
RAPT_INLINE bool is_nan(double x) {
  return (std::bit_cast<std::uint64_t>(x) & 0x7fffffffffffffff) > 0x7ff0000000000000;
}
RAPT_INLINE bool is_finite(float x) { return (std::bit_cast<std::uint32_t>(x) & 0x7fffffff) < 0x7f800000; }
RAPT_INLINE bool is_finite(double x) {
  return (std::bit_cast<std::uint64_t>(x) & 0x7fffffffffffffff) < 0x7ff0000000000000;
}

// Of the oracle's type, where one is asked for more digits than a double has; no bits depend on it.
RAPT_INLINE bool is_nan(long double x) { return __builtin_isnan(x); }
RAPT_INLINE bool is_finite(long double x) { return __builtin_isfinite(x); }
RAPT_INLINE long double sqrt(long double x) { return __builtin_sqrtl(x); }
RAPT_INLINE long double fma(long double a, long double b, long double c) { return __builtin_fmal(a, b, c); }

/// which ? a : b, a selection among bits: one among numbers has the flags of the file, too.
RAPT_INLINE float select(bool which, float a, float b) {
  const std::uint32_t bits_a = std::bit_cast<std::uint32_t>(a), bits_b = std::bit_cast<std::uint32_t>(b);
  return std::bit_cast<float>(which ? bits_a : bits_b);
}
RAPT_INLINE double select(bool which, double a, double b) {
  const std::uint64_t bits_a = std::bit_cast<std::uint64_t>(a), bits_b = std::bit_cast<std::uint64_t>(b);
  return std::bit_cast<double>(which ? bits_a : bits_b);
}

/// The one quiet NaN if x is any, else x.
template <class T> RAPT_INLINE T one_nan(T x) { return select(is_nan(x), std::numeric_limits<T>::quiet_NaN(), x); }

/// 0, to be added by an fma to what may be −0. Clang 14 gives its fma the flags of the file even inside the fence, and
/// with one that ignores the sign of zeros it would leave an addition of 0 out; so it isn't told what it adds.
template <class T> RAPT_INLINE T zero() {
  T nothing = 0;
#if defined(__clang__) && defined(__x86_64__)
  __asm__("" : "+x"(nothing));
#elif defined(__clang__) && defined(__aarch64__)
  __asm__("" : "+w"(nothing));
#endif
  return nothing;
}

}  // namespace ieee
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
