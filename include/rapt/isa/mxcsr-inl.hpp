// Flushing on x86-64, whatever the width of its registers.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

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
