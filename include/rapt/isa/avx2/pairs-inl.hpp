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
/// Pairs of numbers, which are rounded.
RAPT_INLINE Vec<detail::Pair> rounded_pair(Vec<float>& even, Vec<float>& odd) {
  even = round_to_bfloat16(even), odd = round_to_bfloat16(odd);
  return pair(even, odd);
}
/// The odd product first, as the native one has it.
RAPT_INLINE Vec<float> step(Vec<detail::Pair> a, Vec<detail::Pair> b, Vec<float> c) {
  return fma(even_of(a), even_of(b), fma(odd_of(a), odd_of(b), c));
}

/// a·b, flushed as a step is: by MXCSR.
RAPT_INLINE Vec<float> flushed_mul(Vec<float> a, Vec<float> b) { return mul(a, b); }

/// MXCSR: bit 15 makes results below the normal numbers 0, bit 6 takes such operands for 0. What is to be computed
/// under it stands in a function of its own, as a compiler may move other code across.
struct FlushingOfPairs {
  unsigned before;
  RAPT_INLINE FlushingOfPairs() : before(_mm_getcsr()) { _mm_setcsr(before | 0x8040); }
  RAPT_INLINE ~FlushingOfPairs() { _mm_setcsr(before); }
  FlushingOfPairs(const FlushingOfPairs&) = delete;
  FlushingOfPairs& operator=(const FlushingOfPairs&) = delete;
};

RAPT_REGION_CLOSE

#endif
