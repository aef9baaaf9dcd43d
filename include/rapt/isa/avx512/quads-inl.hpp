// Dot products of integers on AVX-512: in 16 bits, the first and third of four codes apart from the second and fourth.
#ifndef RAPT_REGION
#include "rapt/kernel/integers.hpp"  // alone, as an editor sees it: every region
#else
#include "rapt/isa/avx512/codes-inl.hpp"

RAPT_REGION_OPEN

/// The instruction set whose words these are.
constexpr Isa quads_isa = region_isa;

/// Numbers of 16 bits that meet codes, four by four: the first, the third, the second, the fourth.
struct Digits {
  std::byte* at;
  RAPT_INLINE Digits quad(Index i) const { return {at + 8 * i}; }
};
RAPT_INLINE Digits digits_in(std::byte* memory, Index) { return {memory}; }
/// Puts whole numbers from -32639 to 32639 at place i: those that are added to 1.5 · 2^23 in `shifted`.
RAPT_INLINE void store_digits(Digits to, Index i, Vec<float> shifted) {
  const __m256i narrow = _mm512_maskz_cvtepi32_epi16(0xffff, _mm512_castps_si512(shifted.raw));
  const __m256i turned = _mm256_shufflehi_epi16(_mm256_shufflelo_epi16(narrow, 0xd8), 0xd8);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to.at + 2 * i), turned);
}
/// The sum of numbers [begin, begin + count), whole sixteens.
RAPT_INLINE detail::DigitSum sum_digits(Digits digits, Index begin, Index count) {
  __m256i sum = _mm256_setzero_si256();
  for (Index i = begin; i < begin + count; i += 16) {
    const __m256i numbers = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(digits.at + 2 * i));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(numbers, _mm256_set1_epi16(1)));
  }
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti32x4_epi32(sum, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  return {_mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1))), 0};
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
