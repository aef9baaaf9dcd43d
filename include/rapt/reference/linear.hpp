// The naive oracle of projections: a sum for each output.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <span>

#include "rapt/core/matrix.hpp"

RAPT_NAMESPACE_BEGIN
namespace reference {

/// What a Linear computes, as one would write it down: y [rows, out] = x [rows, in] · Wᵀ + b, with W [out, in] and b
/// [out], or none. All arithmetic is in T.
template <class T>
void linear(const MatrixView<const T>& x, const MatrixView<const T>& weight, std::span<const T> bias,
            const MatrixView<T>& y) {
  for (Index r = 0; r < y.rows; ++r)
    for (Index o = 0; o < y.columns; ++o) {
      T sum = bias.empty() ? T(0) : bias[static_cast<std::size_t>(o)];
      for (Index i = 0; i < x.columns; ++i) sum += x(r, i) * weight(o, i);
      y(r, o) = sum;
    }
}

}  // namespace reference
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
