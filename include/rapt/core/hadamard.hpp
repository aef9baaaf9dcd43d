// Rotation by Hadamard's matrix, which spreads what stands out in a few dims over all of them.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>

#include "rapt/core/ieee.hpp"
#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// The largest power of two that divides a number of dims.
constexpr Index hadamard_size(Index dims) { return dims & -dims; }

/// x = H·x / sqrt(n), with Hadamard's matrix H of n = the largest power of two that divides `dims`, for each n dims:
/// pairs at distances 1, 2, 4, … become their sum and their difference, each rounded, and are multiplied with 1 /
/// sqrt(n), rounded. Done twice, it is undone, up to rounding; a product of two that are turned so is theirs.
inline void rotate_hadamard(float* x, Index dims) {
  const Index n = hadamard_size(dims);
  const float factor = static_cast<float>(1 / std::sqrt(static_cast<double>(n)));
  for (Index distance = 1; distance < n; distance *= 2)
    for (Index begin = 0; begin < dims; begin += 2 * distance)
      for (Index i = begin; i < begin + distance; ++i) {
        const float a = x[i], b = x[i + distance];
        x[i] = a + b;
        x[i + distance] = a - b;
      }
  for (Index i = 0; i < dims; ++i) x[i] *= factor;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
