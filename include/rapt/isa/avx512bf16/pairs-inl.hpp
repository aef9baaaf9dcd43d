// Pairs of bfloat16 on AVX-512 with BF16: one instruction.
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
/// Pairs of numbers, which are rounded. (The instruction takes those below the normal ones for 0: weights are none.)
RAPT_INLINE Vec<detail::Pair> rounded_pair(Vec<float>& even, Vec<float>& odd) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m512i halves = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(odd.raw, even.raw));
  const __m512i pairs = _mm512_maskz_permutexvar_epi16(0xffffffff, order, halves);
  even.raw = _mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xffff, pairs, 16));
  odd.raw = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(-65536)));
  return {pairs};
}
/// vdpbf16ps: the odd product first, and numbers below the normal ones are 0, whatever MXCSR says.
RAPT_INLINE Vec<float> step(Vec<detail::Pair> a, Vec<detail::Pair> b, Vec<float> c) {
  return {_mm512_dpbf16_ps(c.raw, reinterpret_cast<__m512bh>(a.raw), reinterpret_cast<__m512bh>(b.raw))};
}

/// a·b, flushed as a step is: by MXCSR.
RAPT_INLINE Vec<float> flushed_mul(Vec<float> a, Vec<float> b) { return mul(a, b); }

/// MXCSR: bit 15 makes results below the normal numbers 0, bit 6 takes such operands for 0. What else is computed there
/// (a scaled score) has to be as elsewhere. It stands in a function of its own, as a compiler may move other code
/// across.
struct FlushingOfPairs {
  unsigned before;
  RAPT_INLINE FlushingOfPairs() : before(_mm_getcsr()) { _mm_setcsr(before | 0x8040); }
  RAPT_INLINE ~FlushingOfPairs() { _mm_setcsr(before); }
  FlushingOfPairs(const FlushingOfPairs&) = delete;
  FlushingOfPairs& operator=(const FlushingOfPairs&) = delete;
};

RAPT_REGION_CLOSE

#endif
