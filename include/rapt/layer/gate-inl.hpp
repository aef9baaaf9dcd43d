// The gating of rows. The contract that it keeps is in gate.hpp.
#ifndef RAPT_REGION
#include "rapt/layer/gate.hpp"  // alone, as an editor sees it: every region
#else
RAPT_REGION_OPEN

template <class T> RAPT_NOINLINE void gate_row(const T* gate, Index count, T* out) {
  const Leaving leaving;
  constexpr int width = Vec<T>::lanes;
  const Vec<T> zero = broadcast(ieee::zero<T>()), one = broadcast(T(1));
  Index i = 0;
  for (; i + width <= count; i += width) {
    const Vec<T> g = load(gate + i);
    const Mask<T> below = greater(zero, g);
    const Vec<T> e = exp(select(below, g, sub(zero, g)));
    store(out + i, one_nan(mul(load(out + i), div(select(below, e, one), add(one, e)))));
  }
  for (; i < count; ++i) out[i] = contract::gated(out[i], gate[i]);
}

template <class T> constexpr detail::GateKernel<T> gate_kernel() { return &gate_row<T>; }

RAPT_REGION_CLOSE

#endif
