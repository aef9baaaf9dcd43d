// What a 512-bit register of pairs can do, but for multiplying.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

template <> struct Vec<detail::Pair> {
  static constexpr int lanes = 16;
  __m512i raw;
};
RAPT_INLINE Vec<detail::Pair> load(const detail::Pair* p) { return {_mm512_loadu_si512(p)}; }
RAPT_INLINE void store(detail::Pair* p, Vec<detail::Pair> a) { _mm512_storeu_si512(p, a.raw); }
RAPT_INLINE Vec<detail::Pair> broadcast(detail::Pair x) { return {_mm512_set1_epi32(std::bit_cast<std::int32_t>(x))}; }
/// Pairs of numbers that bfloat16 holds.
RAPT_INLINE Vec<detail::Pair> pair(Vec<float> even, Vec<float> odd) {
  const __m512i low = _mm512_maskz_srli_epi32(0xffff, _mm512_castps_si512(even.raw), 16);
  return {_mm512_mask_blend_epi16(0xaaaaaaaa, low, _mm512_castps_si512(odd.raw))};
}
/// The number that bfloat16 holds which is nearest, ties to even. NaN becomes the canonical one.
RAPT_INLINE Vec<float> round_to_bfloat16(Vec<float> x) {
  const __m512i bits = _mm512_castps_si512(x.raw);
  const __m512i last = _mm512_and_si512(_mm512_maskz_srli_epi32(0xffff, bits, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), last);
  const Vec<float> rounded{_mm512_castsi512_ps(_mm512_and_si512(up, _mm512_set1_epi32(-65536)))};
  return select(is_nan(x), broadcast(std::numeric_limits<float>::quiet_NaN()), rounded);
}

RAPT_REGION_CLOSE

#endif
