// Pairs of bfloat16 on AVX2: two fused multiply-adds, under the control of SSE that flushes.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

template <> struct Vec<detail::Pair> {
  static constexpr int lanes = 8;
  __m256i raw;
};
RAPT_INLINE Vec<detail::Pair> load(const detail::Pair* p) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
}
RAPT_INLINE void store(detail::Pair* p, Vec<detail::Pair> a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.raw);
}
RAPT_INLINE Vec<detail::Pair> broadcast(detail::Pair x) { return {_mm256_set1_epi32(std::bit_cast<std::int32_t>(x))}; }
RAPT_INLINE Vec<float> even_of(Vec<detail::Pair> a) { return {_mm256_castsi256_ps(_mm256_slli_epi32(a.raw, 16))}; }
RAPT_INLINE Vec<float> odd_of(Vec<detail::Pair> a) {
  return {_mm256_castsi256_ps(_mm256_and_si256(a.raw, _mm256_set1_epi32(-65536)))};
}
/// Pairs of numbers that bfloat16 holds.
RAPT_INLINE Vec<detail::Pair> pair(Vec<float> even, Vec<float> odd) {
  const __m256i low = _mm256_srli_epi32(_mm256_castps_si256(even.raw), 16);
  return {_mm256_blend_epi16(low, _mm256_castps_si256(odd.raw), 0xaa)};
}
/// The number that bfloat16 holds which is nearest, ties to even. NaN becomes the canonical one.
RAPT_INLINE Vec<float> round_to_bfloat16(Vec<float> x) {
  const __m256i bits = _mm256_castps_si256(x.raw);
  const __m256i last = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), last);
  const Vec<float> rounded{_mm256_castsi256_ps(_mm256_and_si256(up, _mm256_set1_epi32(-65536)))};
  return select(is_nan(x), broadcast(std::numeric_limits<float>::quiet_NaN()), rounded);
}

RAPT_REGION_CLOSE

#include "rapt/isa/mxcsr-inl.hpp"

#endif
