// Dot products of integers on AVX-512: in 16 bits, the first and third of four codes apart from the second and fourth.
#ifndef RAPT_REGION
#include "rapt/kernel/integers.hpp"  // alone, as an editor sees it: every region
#else
#include "rapt/isa/avx2/digits-inl.hpp"
#include "rapt/isa/avx512/codes-inl.hpp"

RAPT_REGION_OPEN

/// The instruction set whose words these are.
constexpr Isa quads_isa = region_isa;

/// Puts whole numbers from -32639 to 32639 at place i: those that are added to 1.5 · 2^23 in `shifted`.
RAPT_INLINE void store_digits(Digits to, Index i, Vec<float> shifted) {
  const __m256i narrow = _mm512_maskz_cvtepi32_epi16(0xffff, _mm512_castps_si512(shifted.raw));
  const __m256i turned = _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(narrow, 0xd8), 0xd8);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to.at + 2 * i), turned);
}

/// Sums of codes times digits, exactly, in each lane: one will do for numbers of 16 bits.
constexpr int digit_planes = 1;
struct QuadSum {
  __m512i of;
};
/// From -lowest · (the digits' sum), for codes that count from `lowest`.
RAPT_INLINE QuadSum quad_sum(detail::DigitSum start, int lowest, int) {
  return {_mm512_set1_epi32(start.all * lowest)};
}
RAPT_INLINE QuadSum step(QuadSum sum, Codes c, Digits quad, int) {
  const __m512i even = _mm512_and_si512(c.raw, _mm512_set1_epi16(255));
  const __m512i odd = _mm512_maskz_srli_epi16(0xffffffff, c.raw, 8);
  sum.of = _mm512_add_epi32(sum.of, _mm512_madd_epi16(even, _mm512_set1_epi32(detail::word32(quad.at))));
  sum.of = _mm512_add_epi32(sum.of, _mm512_madd_epi16(odd, _mm512_set1_epi32(detail::word32(quad.at + 4))));
  return sum;
}
/// Rounded once.
RAPT_INLINE Vec<float> number(QuadSum sum, QuadSum) { return {_mm512_maskz_cvtepi32_ps(0xffff, sum.of)}; }

RAPT_REGION_CLOSE

#endif
