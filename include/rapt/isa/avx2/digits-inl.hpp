// Numbers of 16 bits that meet codes, where they are multiplied as such: the same on AVX2 and AVX-512.
#ifndef RAPT_REGION
#include "rapt/kernel/integers.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Numbers of 16 bits that meet codes, four by four: the first, the third, the second, the fourth.
struct Digits {
  std::byte* at;
  RAPT_INLINE Digits quad(Index i) const { return {at + 8 * i}; }
};
RAPT_INLINE Digits digits_in(std::byte* memory, Index) { return {memory}; }
/// The sum of numbers [begin, begin + count), whole sixteens.
RAPT_INLINE detail::DigitSum sum_digits(Digits digits, Index begin, Index count) {
  __m256i sum = _mm256_setzero_si256();
  for (Index i = begin; i < begin + count; i += 16) {
    const __m256i numbers = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(digits.at + 2 * i));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(numbers, _mm256_set1_epi16(1)));
  }
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  return {_mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1))), 0};
}

RAPT_REGION_CLOSE

#endif
