// The turning of one row. The contract that it keeps is in turn.hpp.
#ifndef RAPT_REGION
#include "rapt/rope/turn.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

template <class T> RAPT_INLINE Vec<T> quiet_nan(Vec<T> a) {
  return select(is_nan(a), broadcast(std::numeric_limits<T>::quiet_NaN()), a);
}
template <class T> RAPT_INLINE T quiet_nan(T a) { return ieee::one_nan(a); }

/// A register of pairs: a and b become a' and b'.
template <class T> RAPT_INLINE void turn_pairs(Vec<T> c, Vec<T> s, Vec<T>& a, Vec<T>& b) {
  const Vec<T> a_in = a, minus = sub(broadcast(T(0)), s);
  a = quiet_nan(fma(a_in, c, mul(b, minus)));
  b = quiet_nan(fma(b, c, mul(a_in, s)));
}

/// One pair: to *a_out, which may be where a stands; and so may *b_out.
template <class T> RAPT_INLINE void turn_pair(T c, T s, T a, T b, T* a_out, T* b_out) {
  *a_out = quiet_nan(ieee::fma(a, c, b * (T(0) - s)));
  *b_out = quiet_nan(ieee::fma(b, c, a * s));
}

/// Pairs of element `a + p` and element `b + p`.
template <class T> RAPT_INLINE void turn_halves(const detail::Turn<T>& turn, const T* in, T* out, Index a, Index b) {
  Index p = 0;
  for (; p + Vec<T>::lanes <= turn.pairs; p += Vec<T>::lanes) {
    Vec<T> first = load(in + a + p), second = load(in + b + p);
    turn_pairs(load(turn.cosine + p), load(turn.sine + p), first, second);
    store(out + a + p, first);
    store(out + b + p, second);
  }
  for (; p < turn.pairs; ++p) turn_pair(turn.cosine[p], turn.sine[p], in[a + p], in[b + p], out + a + p, out + b + p);
}

/// Pairs of neighbours: of element 2p and the next one, or, if `Back`, of element 2p + 1 and the one before.
template <bool Back, class T> RAPT_INLINE void turn_neighbours(const detail::Turn<T>& turn, const T* in, T* out) {
  constexpr Index width = Vec<T>::lanes, a = Back ? 1 : 0, b = Back ? 0 : 1;
  Index p = 0;
  for (; p + width <= turn.pairs; p += width) {
    const Vec<T> low = load(in + 2 * p), high = load(in + 2 * p + width);
    Vec<T> even = unzip_even(low, high), odd = unzip_odd(low, high);
    turn_pairs(load(turn.cosine + p), load(turn.sine + p), Back ? odd : even, Back ? even : odd);
    store(out + 2 * p, zip_low(even, odd));
    store(out + 2 * p + width, zip_high(even, odd));
  }
  for (; p < turn.pairs; ++p)
    turn_pair(turn.cosine[p], turn.sine[p], in[2 * p + a], in[2 * p + b], out + 2 * p + a, out + 2 * p + b);
}

/// Turns one row of elements side by side, from `in` to `out`: the same row, or one that shares no element with it.
template <class T> RAPT_INLINE void rotate_row(const detail::Turn<T>& turn, const T* in, T* out) {
  const Index first = turn.offset, end = turn.offset + 2 * turn.pairs;
  if (in != out) {
    for (Index d = 0; d < first; ++d) out[d] = in[d];
    for (Index d = end; d < turn.head_dim; ++d) out[d] = in[d];
  }
  if (turn.pairing == rope::Pairing::half)
    turn_halves(turn, in, out, turn.back ? first + turn.pairs : first, turn.back ? first : first + turn.pairs);
  else if (turn.back)
    turn_neighbours<true>(turn, in + first, out + first);
  else
    turn_neighbours<false>(turn, in + first, out + first);
}

/// The same for elements `in_stride` and `out_stride` apart: one after the other.
template <class T>
RAPT_INLINE void rotate_strided_row(const detail::Turn<T>& turn, const T* in, Index in_stride, T* out,
                                    Index out_stride) {
  const Index first = turn.offset, n = turn.pairs;
  if (in != out) {
    for (Index d = 0; d < first; ++d) out[d * out_stride] = in[d * in_stride];
    for (Index d = first + 2 * n; d < turn.head_dim; ++d) out[d * out_stride] = in[d * in_stride];
  }
  const bool half = turn.pairing == rope::Pairing::half;
  const Index step = half ? 1 : 2, apart = half ? n : 1;
  for (Index p = 0; p < n; ++p) {
    const Index low = first + p * step, high = low + apart, a = turn.back ? high : low, b = turn.back ? low : high;
    turn_pair(turn.cosine[p], turn.sine[p], in[a * in_stride], in[b * in_stride], out + a * out_stride,
              out + b * out_stride);
  }
}

/// One row, whatever the strides.
template <class T>
RAPT_NOINLINE void turn_row(const detail::Turn<T>& turn, const T* in, Index in_stride, T* out, Index out_stride) {
  const Leaving leaving;
  if (in_stride == 1 && out_stride == 1)
    rotate_row(turn, in, out);
  else
    rotate_strided_row(turn, in, in_stride, out, out_stride);
}

template <class T> constexpr detail::TurnRow<T> turn_row_kernel() { return &turn_row<T>; }

RAPT_REGION_CLOSE

#endif
