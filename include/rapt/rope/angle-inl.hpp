// Cosines and sines of angles that are products: position times frequency.
//
// The product is kept whole, as two doubles, and so is what remains of it when the quarter turns are taken off. So an
// angle of a million radians is as good as one below 1: off by at most 2^-53.
#ifndef RAPT_REGION
#include "rapt/rope/angle.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

/// What is added to this and less than 2^51 is rounded to an integer: one stands in the sum's last place.
constexpr double to_integer = 0x1.8p+52;

template <int N> RAPT_INLINE Vec<double> horner(const double (&coefficient)[N], Vec<double> x) {
  Vec<double> sum = broadcast(coefficient[N - 1]);
  RAPT_UNROLL
  for (int i = N - 2; i >= 0; --i) sum = fma(sum, x, broadcast(coefficient[i]));
  return sum;
}

/// An angle as a number of quarter turns and a rest within an eighth of a turn, high + low.
struct QuarterTurns {
  Vec<double> count, high, low;
};

RAPT_INLINE QuarterTurns quarter_turns(Vec<double> position, Vec<double> frequency) {
  const Vec<double> angle = mul(position, frequency);
  const Vec<double> angle_rest = fma(position, frequency, sub(broadcast(0.0), angle));
  const Vec<double> shifter = broadcast(to_integer);
  const Vec<double> count = sub(fma(angle, broadcast(0x1.45f306dc9c883p-1), shifter), shifter);  // of 2/π · angle
  // Exact, as count has at most 30 bits and what is left is small. π/2 less its double is the second constant.
  const Vec<double> rest = fma(count, broadcast(-0x1.921fb54442d18p+0), angle);
  const Vec<double> low = fma(count, broadcast(-0x1.1a62633145c07p-54), angle_rest);
  const Vec<double> high = add(rest, low);
  return {count, high, add(sub(rest, high), low)};
}

/// The cosine and the sine of the rest: |rest.high| is at most π/4 and a little.
RAPT_INLINE Vec<double> cosine_of(const QuarterTurns& rest) {
  const Vec<double> square = mul(rest.high, rest.high), half = mul(square, broadcast(0.5));
  const Vec<double> one = broadcast(1.0), high = sub(one, half), lost = sub(sub(one, high), half);
  const Vec<double> low = fma(rest.high, sub(broadcast(0.0), rest.low), lost);
  return add(high, fma(mul(square, square), horner(detail::cosine_series, square), low));
}
RAPT_INLINE Vec<double> sine_of(const QuarterTurns& rest) {
  const Vec<double> square = mul(rest.high, rest.high);
  const Vec<double> low = mul(rest.low, fma(square, broadcast(-0.5), broadcast(1.0)));
  return add(rest.high, fma(mul(rest.high, square), horner(detail::sine_series, square), low));
}

RAPT_NOINLINE inline void cosines_and_sines(const double* position, const double* frequency, Index count,
                                            double* cosine, double* sine) {
  const Leaving leaving;
  const Vec<double> one = broadcast(1.0), minus = broadcast(-1.0), shifter = broadcast(to_integer);
  for (Index i = 0; i < count; i += Vec<double>::lanes) {
    const QuarterTurns turns = quarter_turns(load(position + i), load(frequency + i));
    const Vec<double> c = cosine_of(turns), s = sine_of(turns);
    // The quarter that the angle is in: −1, 0, 1 or 2.
    const Vec<double> near = fma(turns.count, broadcast(0.25), broadcast(-0.125));
    const Vec<double> whole = sub(add(near, shifter), shifter);
    const Vec<double> quarter = fma(whole, broadcast(-4.0), turns.count);
    const Vec<double> centred = sub(quarter, broadcast(0.5));
    const Mask<double> odd = is_zero(fma(quarter, quarter, minus));
    const Vec<double> along = select(odd, s, c), across = select(odd, c, s);
    store(cosine + i, select(greater(centred, broadcast(0.0)), mul(along, minus), along));
    store(sine + i, select(greater(mul(centred, centred), one), mul(across, minus), across));
  }
}

inline detail::AngleKernel angle_kernel() {
  static_assert(detail::angle_lanes % Vec<double>::lanes == 0);
  return &cosines_and_sines;
}

RAPT_REGION_CLOSE

#endif
