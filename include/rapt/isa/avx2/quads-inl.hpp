// Dot products of integers on AVX2: in 16 bits, the first and third of four codes apart from the second and fourth.
#ifndef RAPT_REGION
#include "rapt/kernel/integers.hpp"  // alone, as an editor sees it: every region
#else
#include "rapt/isa/avx2/digits-inl.hpp"

RAPT_REGION_OPEN

/// The instruction set whose words these are.
constexpr Isa quads_isa = region_isa;

/// Four codes of each lane, from 0 to 255.
struct Codes {
  __m256i raw;
};

RAPT_INLINE Codes load_codes(const std::uint8_t* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
RAPT_INLINE Codes low_halves(Codes c) { return {_mm256_and_si256(c.raw, _mm256_set1_epi8(15))}; }
RAPT_INLINE Codes high_halves(Codes c) { return {_mm256_and_si256(_mm256_srli_epi16(c.raw, 4), _mm256_set1_epi8(15))}; }
/// With their fifth bits, the first of which is bit `at` from `plane` on, a multiple of four for each lane.
RAPT_INLINE Codes with_fifth_bits(Codes c, const std::uint8_t* plane, Index at) {
  const __m256i bits = _mm256_set1_epi32(detail::word32(plane + at / 8));
  const __m256i bytes =
      _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
  const __m256i each = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(bits, bytes), each), each);
  return {_mm256_or_si256(c.raw, _mm256_and_si256(set, _mm256_set1_epi8(16)))};
}

/// Puts whole numbers from -32639 to 32639 at place i: those that are added to 1.5 · 2^23 in `shifted`.
RAPT_INLINE void store_digits(Digits to, Index i, Vec<float> shifted) {
  const __m256i whole = _mm256_sub_epi32(_mm256_castps_si256(shifted.raw), _mm256_set1_epi32(0x4b400000));
  const __m128i narrow = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  const __m128i turned = _mm_shufflehi_epi16(_mm_shufflelo_epi16(narrow, 0xd8), 0xd8);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to.at + 2 * i), turned);
}

/// Sums of codes times digits, exactly, in each lane: one will do for numbers of 16 bits.
constexpr int digit_planes = 1;
struct QuadSum {
  __m256i of;
};
/// From -lowest · (the digits' sum), for codes that count from `lowest`.
RAPT_INLINE QuadSum quad_sum(detail::DigitSum start, int lowest, int) {
  return {_mm256_set1_epi32(start.all * lowest)};
}
RAPT_INLINE QuadSum step(QuadSum sum, Codes c, Digits quad, int) {
  const __m256i even = _mm256_and_si256(c.raw, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16(c.raw, 8);
  sum.of = _mm256_add_epi32(sum.of, _mm256_madd_epi16(even, _mm256_set1_epi32(detail::word32(quad.at))));
  sum.of = _mm256_add_epi32(sum.of, _mm256_madd_epi16(odd, _mm256_set1_epi32(detail::word32(quad.at + 4))));
  return sum;
}
/// Rounded once.
RAPT_INLINE Vec<float> number(QuadSum sum, QuadSum) { return {_mm256_cvtepi32_ps(sum.of)}; }

/// Scales of as many lanes.
RAPT_INLINE Vec<float> load_scales(const float* p) { return load(p); }
RAPT_INLINE Vec<float> load_scales(const std::uint16_t* p) {
  return {_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}

RAPT_REGION_CLOSE

#endif
