// exp and tanh of the contract: see core/contract.hpp for their constants and why they are what they are.
#ifndef RAPT_REGION
#include "rapt/kernel/kernels.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

template <class T> RAPT_INLINE Vec<T> exp(Vec<T> y) {
  using Number = contract::Exp<T>;
  y = max(broadcast(Number::lowest), y);  // in this order a NaN stays
  const Vec<T> t = fma(y, broadcast(Number::log2e), broadcast(Number::shifter));
  const Vec<T> n = sub(broadcast(Number::shifter), t);
  const Vec<T> f = fma(y, broadcast(Number::log2e), n);
  Vec<T> p = broadcast(Number::coefficient[Number::degree]);
  RAPT_UNROLL
  for (int i = Number::degree - 1; i >= 0; --i) p = fma(p, f, broadcast(Number::coefficient[i]));
  return mul(p, low_bits_to_exponent(t));
}

template <class T> RAPT_INLINE Vec<T> tanh(Vec<T> x) {
  using Number = contract::Tanh<T>;
  using Power = contract::Exp<T>;
  const Vec<T> zero = broadcast(T(0)), one = broadcast(T(1));
  const Vec<T> sign = select(greater(zero, x), broadcast(T(-1)), one);
  const Vec<T> y = max(broadcast(Power::lowest), mul(broadcast(T(-2)), mul(x, sign)));  // in this order a NaN stays
  const Vec<T> t = fma(y, broadcast(Power::log2e), broadcast(Power::shifter));
  const Vec<T> f = fma(y, broadcast(Power::log2e), sub(broadcast(Power::shifter), t));
  Vec<T> p = broadcast(Number::coefficient[Number::degree]);
  RAPT_UNROLL
  for (int i = Number::degree - 1; i >= 0; --i) p = fma(p, f, broadcast(Number::coefficient[i]));
  const Vec<T> power = mul(broadcast(T(2)), low_bits_to_exponent(t));
  const Vec<T> e = fma(power, mul(p, f), sub(power, one));
  return mul(div(sub(zero, e), add(e, broadcast(T(2)))), sign);
}

RAPT_REGION_CLOSE

#endif
