// exp of the contract: see core/contract.hpp for its constants and why they are what they are.
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

RAPT_REGION_CLOSE

#endif
