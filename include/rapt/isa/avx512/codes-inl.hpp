// Codes and scales in registers of AVX-512, whatever multiplies them.
#ifndef RAPT_REGION
#include "rapt/kernel/integers.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Four codes of each lane, from 0 to 255.
struct Codes {
  __m512i raw;
};

RAPT_INLINE Codes load_codes(const std::uint8_t* p) { return {_mm512_loadu_si512(p)}; }
RAPT_INLINE Codes low_halves(Codes c) { return {_mm512_and_si512(c.raw, _mm512_set1_epi8(15))}; }
RAPT_INLINE Codes high_halves(Codes c) {
  return {_mm512_and_si512(_mm512_maskz_srli_epi16(0xffffffff, c.raw, 4), _mm512_set1_epi8(15))};
}
/// With their fifth bits, the first of which is bit `at` from `plane` on, a multiple of four for each lane.
RAPT_INLINE Codes with_fifth_bits(Codes c, const std::uint8_t* plane, Index at) {
  const std::uint64_t bits = detail::word64(plane + at / 8);
  return {_mm512_or_si512(c.raw, _mm512_maskz_mov_epi8(bits, _mm512_set1_epi8(16)))};
}

/// Scales of as many lanes.
RAPT_INLINE Vec<float> load_scales(const float* p) { return load(p); }
RAPT_INLINE Vec<float> load_scales(const std::uint16_t* p) {
  return {_mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}

RAPT_REGION_CLOSE

#endif
