// The loops that show a machine's limits, once for each instruction set.
#pragma once

#include <cstring>

#include "rapt/isa/vocabulary.hpp"

namespace bench {

/// The loops of one instruction set: the seam between ordinary code and the regions.
template <class T> struct Loops {
  int numbers;                                               // that multiply_add works on, at most `most_numbers`
  double operations;                                         // of one step of multiply_add; a fused one counts as two
  void (*multiply_add)(rapt::Index steps, T* memory);        // `numbers` of them, all of them to be set
  void (*read_all)(const T* p, rapt::Index count, T* sums);  // a register of sums
};

inline constexpr int most_numbers = 26 * 16;

}  // namespace bench

#define RAPT_EACH_REGION "loops-inl.hpp"
#include "rapt/isa/each_region.hpp"

namespace bench {

template <class T> Loops<T> loops(rapt::Isa isa) { return RAPT_OF_REGION(isa, loops<T>()); }
/// Of pairs of bfloat16, which join a float.
inline Loops<float> pair_loops(rapt::Isa isa) { return RAPT_OF_PAIR_REGION(isa, pair_loops()); }

}  // namespace bench
