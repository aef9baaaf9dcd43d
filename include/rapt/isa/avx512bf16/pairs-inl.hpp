// Pairs of bfloat16 on AVX-512 with BF16: one instruction.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
#include "rapt/isa/avx512/pair_words-inl.hpp"
#include "rapt/isa/mxcsr-inl.hpp"

RAPT_REGION_OPEN

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

RAPT_REGION_CLOSE

#endif
