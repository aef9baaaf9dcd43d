// The vocabulary of one region, and what can be said in it whatever the instruction set.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
// clang-format off
#include RAPT_VOCABULARY
#include RAPT_PAIRS
#include "rapt/isa/reduce-inl.hpp"
#include "rapt/isa/step-inl.hpp"
#include "rapt/isa/transpose-inl.hpp"
#include "rapt/isa/wanted-inl.hpp"
// clang-format on

#endif
