// The step of the kernels' loops: how a query's element and a key's, or a weight's and a value's, join a sum. An
// element is a number of the type that is computed in, or a pair of bfloat16.
#ifndef RAPT_REGION
#include "rapt/isa/vocabulary.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// Depth 1: a fused multiply-add.
template <class T> RAPT_INLINE Vec<T> step(Vec<T> a, Vec<T> b, Vec<T> c) { return fma(a, b, c); }

/// Depth 2, where an instruction set has no word of its own for it: two of them, the odd product first.
template <class E, class T> RAPT_INLINE Vec<T> step(Vec<E> a, Vec<E> b, Vec<T> c) {
  return fma(even_of(a), even_of(b), fma(odd_of(a), odd_of(b), c));
}
/// Pairs of numbers, which are rounded, likewise.
template <class T> RAPT_INLINE Vec<detail::Pair> rounded_pair(Vec<T>& even, Vec<T>& odd) {
  even = round_to_bfloat16(even), odd = round_to_bfloat16(odd);
  return pair(even, odd);
}

/// Numbers of the type that is computed in which an element holds.
template <class E> constexpr int depth = 1;
template <> inline constexpr int depth<detail::Pair> = 2;

/// a·b, of a sum that steps of E have made or will go on from.
template <class E, class T> RAPT_INLINE Vec<T> times(Vec<T> a, Vec<T> b) {
  if constexpr (depth<E> == 1)
    return mul(a, b);
  else
    return flushed_mul(a, b);
}

/// While one lives, what a step of E makes of numbers below the normal ones is what its contract says. (Not a base
/// class or a member: the constructor that a compiler makes for what holds one is not of the region's instruction set.)
struct NoFlushing {
  RAPT_INLINE NoFlushing() {}
};
template <class E> struct FlushingFor { using type = NoFlushing; };
template <> struct FlushingFor<detail::Pair> { using type = FlushingOfPairs; };
template <class E> using Flushing = typename FlushingFor<E>::type;

RAPT_REGION_CLOSE

#endif
