// Dot products of integers on AVX-512 with VNNI: one instruction for four codes and as many digits of 8 bits.
#ifndef RAPT_REGION
#include "rapt/kernel/integers.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN
using namespace avx512;  // its vocabulary; no file of this region is in both
RAPT_REGION_CLOSE

#include "rapt/isa/avx512/codes-inl.hpp"

RAPT_REGION_OPEN

/// The instruction set whose words these are.
constexpr Isa quads_isa = Isa::avx512vnni;

/// Numbers of 16 bits that meet codes, four by four: the high digits of all, and behind them the low ones.
struct Digits {
  std::byte *high, *low;
  RAPT_INLINE Digits quad(Index i) const { return {high + 4 * i, low + 4 * i}; }
};
RAPT_INLINE Digits digits_in(std::byte* memory, Index count) { return {memory, memory + count}; }
/// Puts whole numbers from -32639 to 32639 at place i: those that are added to 1.5 · 2^23 in `shifted`.
RAPT_INLINE void store_digits(Digits to, Index i, Vec<float> shifted) {
  const __m512i bits = _mm512_castps_si512(shifted.raw);
  const __m512i high = _mm512_maskz_srli_epi32(0xffff, _mm512_add_epi32(bits, _mm512_set1_epi32(128)), 8);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to.high + i), _mm512_maskz_cvtepi32_epi8(0xffff, high));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to.low + i), _mm512_maskz_cvtepi32_epi8(0xffff, bits));
}
/// The sum of numbers [begin, begin + count), whole sixteens.
RAPT_INLINE std::int32_t sum_of_bytes(const std::byte* bytes, Index count) {
  __m128i sum = _mm_setzero_si128();
  for (Index i = 0; i < count; i += 16)
    sum = _mm_dpbusd_epi32(sum, _mm_set1_epi8(1), _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + i)));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}
RAPT_INLINE detail::DigitSum sum_digits(Digits digits, Index begin, Index count) {
  const std::int32_t high = sum_of_bytes(digits.high + begin, count), low = sum_of_bytes(digits.low + begin, count);
  return {256 * high + low, high};
}

/// Sums of codes times digits, exactly, in each lane: one of the high digits, and one of the low ones.
constexpr int digit_planes = 2;
struct QuadSum {
  __m512i of;
};
/// From -lowest · (the digits' sum), for codes that count from `lowest`.
RAPT_INLINE QuadSum quad_sum(detail::DigitSum start, int lowest, int plane) {
  return {_mm512_set1_epi32((plane == 0 ? start.high : start.all - 256 * start.high) * lowest)};
}
RAPT_INLINE QuadSum step(QuadSum sum, Codes c, Digits quad, int plane) {
  return {_mm512_dpbusd_epi32(sum.of, c.raw, _mm512_set1_epi32(detail::word32(plane == 0 ? quad.high : quad.low)))};
}
/// 256·high + low, rounded once: either is below 2^24, and so a float.
RAPT_INLINE Vec<float> number(QuadSum high, QuadSum low) {
  const Vec<float> of_high{_mm512_maskz_cvtepi32_ps(0xffff, high.of)}, of_low{_mm512_maskz_cvtepi32_ps(0xffff, low.of)};
  return fma(of_high, broadcast(256.0f), of_low);
}

RAPT_REGION_CLOSE

#endif
