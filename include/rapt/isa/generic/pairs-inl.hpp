// Pairs of bfloat16 in plain C++.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

template <> struct Vec<detail::Pair> {
  static constexpr int lanes = 1;
  detail::Pair raw;
};
RAPT_INLINE Vec<detail::Pair> broadcast(detail::Pair x) { return {x}; }
/// Pairs of numbers that bfloat16 holds.
RAPT_INLINE Vec<detail::Pair> pair(Vec<float> even, Vec<float> odd) { return {detail::pair_of(even.raw, odd.raw)}; }
/// The number that bfloat16 holds which is nearest.
RAPT_INLINE Vec<float> round_to_bfloat16(Vec<float> x) {
  return {std::bit_cast<float>(std::uint32_t(detail::bfloat16_bits(x.raw)) << 16)};
}
RAPT_INLINE Vec<float> step(Vec<detail::Pair> a, Vec<detail::Pair> b, Vec<float> c) {
  return {detail::multiply_add(a.raw, b.raw, c.raw)};
}

/// a·b, flushed as a step is.
RAPT_INLINE Vec<float> flushed_mul(Vec<float> a, Vec<float> b) { return {detail::flushed_mul(a.raw, b.raw)}; }

/// It is done by hand.
struct FlushingOfPairs {
  RAPT_INLINE FlushingOfPairs() {}
};

RAPT_REGION_CLOSE

#endif
