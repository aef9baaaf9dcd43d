// exp and tanh of the contract, a number at a time: the same bits on every instruction set and with every C library.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "rapt/core/contract.hpp"
#include "rapt/core/ieee.hpp"

RAPT_NAMESPACE_BEGIN
namespace contract {

/// A polynomial from its last coefficient to the first. (Without a loop: GCC doesn't vectorise one loop in another.)
template <class Number, int I = 0, class T> RAPT_INLINE T horner(T x) {
  if constexpr (I == Number::degree)
    return Number::coefficient[I];
  else
    return ieee::fma(horner<Number, I + 1>(x), x, Number::coefficient[I]);
}

/// 2^(n − 1), from t = n + shifter.
template <class T> RAPT_INLINE T half_power(T t) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  return std::bit_cast<T>(static_cast<Bits>(std::bit_cast<Bits>(t) << (std::numeric_limits<T>::digits - 1)));
}

/// exp(y) for y up to the headroom.
template <class T> RAPT_INLINE T exp(T y) {
  using Number = Exp<T>;
  y = Number::lowest > y ? Number::lowest : y;
  const T t = ieee::fma(y, Number::log2e, Number::shifter);
  const T f = ieee::fma(y, Number::log2e, Number::shifter - t);
  return horner<Number>(f) * half_power(t);
}

/// tanh(x) for any x.
template <class T> RAPT_INLINE T tanh(T x) {
  using Number = Tanh<T>;
  const T sign = T(0) > x ? T(-1) : T(1);
  T y = T(-2) * (x * sign);
  y = Exp<T>::lowest > y ? Exp<T>::lowest : y;
  const T t = ieee::fma(y, Exp<T>::log2e, Exp<T>::shifter);
  const T f = ieee::fma(y, Exp<T>::log2e, Exp<T>::shifter - t);
  const T power = T(2) * half_power(t);
  const T e = ieee::fma(power, horner<Number>(f) * f, power - T(1));
  return (T(0) - e) / (e + T(2)) * sign;
}

}  // namespace contract

/// exp(x), for lambdas: vectorised in the kernels, and the same bits everywhere. Relative error at most
/// (2.9 + 0.22·|x|) units of 2^-24 (of 2^-53 for double); what would be under 2^-125 (2^-1021) is 0. Arguments above
/// 87.3 (708.4) are taken for that. A NaN stays one.
RAPT_INLINE float fast_exp(float x) { return contract::exp(87.3f < x ? 87.3f : x); }
RAPT_INLINE double fast_exp(double x) { return contract::exp(708.4 < x ? 708.4 : x); }

/// tanh(x), as fast_exp. Relative error at most 5 units of 2^-24 (of 2^-53 for double).
RAPT_INLINE float fast_tanh(float x) { return contract::tanh(x); }
RAPT_INLINE double fast_tanh(double x) { return contract::tanh(x); }

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
