// RMSNorm written down twice: as the paper has it, and as the contract of the library has it.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>
#include <limits>
#include <span>
#include <type_traits>

#include "rapt/core/ieee.hpp"
#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN
namespace reference {

/// What rms_norm() computes of one row, as one would write it down: all in double or, if T is wider, in T.
template <class T> void rms_norm(std::span<const T> x, std::span<const T> weight, double eps, std::span<T> y) {
  using Wide = std::common_type_t<T, double>;
  Wide sum = 0;
  for (const T a : x) sum += Wide(a) * Wide(a);
  const Wide root = ieee::sqrt(sum / static_cast<Wide>(x.size()) + static_cast<Wide>(eps));
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = static_cast<T>(Wide(x[i]) / root * Wide(weight[i]));
}

}  // namespace reference

namespace contract {

/// The same by the contract (layer/rms_norm.hpp): every kernel gives these bits.
template <class T> void rms_norm(std::span<const T> x, std::span<const T> weight, T eps, std::span<T> y) {
  T s[64] = {};
  for (std::size_t i = 0; i < x.size(); ++i) s[i % 64] = ieee::fma(x[i], x[i], s[i % 64]);
  for (std::size_t h = 32; h >= 1; h /= 2)
    for (std::size_t j = 0; j < h; ++j) s[j] += s[j + h];
  const T mean = s[0] / static_cast<T>(x.size());
  const T inverse = T(1) / ieee::sqrt(mean + eps);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T scaled = x[i] * inverse, product = scaled * weight[i];
    y[i] = ieee::one_nan(product);
  }
}

}  // namespace contract
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
