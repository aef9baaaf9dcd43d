// Fetching ahead.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Asks for a line of what will be wanted soon, and of what will be wanted later.
RAPT_INLINE void fetch(const detail::Wanted& wanted, Index bytes) {
  prefetch(wanted.soon + bytes);
  prefetch(wanted.later + bytes);
}

RAPT_REGION_CLOSE

#endif
