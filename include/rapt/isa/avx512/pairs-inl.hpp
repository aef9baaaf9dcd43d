// Pairs of bfloat16 on AVX-512: two fused multiply-adds, under the control of SSE that flushes.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
#include "rapt/isa/avx512/pair_words-inl.hpp"
#include "rapt/isa/mxcsr-inl.hpp"

RAPT_REGION_OPEN

RAPT_INLINE Vec<float> even_of(Vec<detail::Pair> a) {
  return {_mm512_castsi512_ps(_mm512_maskz_slli_epi32(0xffff, a.raw, 16))};
}
RAPT_INLINE Vec<float> odd_of(Vec<detail::Pair> a) {
  return {_mm512_castsi512_ps(_mm512_and_si512(a.raw, _mm512_set1_epi32(-65536)))};
}

RAPT_REGION_CLOSE

#endif
