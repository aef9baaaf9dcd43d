// Rotary embeddings written down twice: as the papers have them, and as the contract of the rotation has them.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>
#include <utility>

#include "rapt/core/ieee.hpp"
#include "rapt/core/matrix.hpp"
#include "rapt/core/view.hpp"
#include "rapt/rope/rotate.hpp"
#include "rapt/rope/spec.hpp"
#include "rapt/rope/table.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// The two dims of a pair.
struct PairOfDims {
  Index a, b;
};

inline PairOfDims dims_of_pair(Index pair, Index pairs, Index offset, rope::Pairing pairing) {
  if (pairing == rope::Pairing::half) return {offset + pair, offset + pairs + pair};
  return {offset + 2 * pair, offset + 2 * pair + 1};
}

}  // namespace detail

namespace reference {

/// What rope::rotate computes, as one would write it down: for reading, and for checking against. A pair is a complex
/// number, and is multiplied with factor · e^(i·angle), all in double or, if T is wider, in T.
///
///   x, y  [batch, head, position, dim]    positions  [position, component]
template <class T>
void rotate(const View<const T>& x, const View<T>& y, const rope::Spec& spec, const detail::IntegerMatrix& positions) {
  using Wide = std::common_type_t<T, double>;
  for (Index b = 0; b < x.batch(); ++b)
    for (Index h = 0; h < x.heads(); ++h)
      for (Index s = 0; s < x.length(); ++s) {
        for (Index d = 0; d < x.dim(); ++d) y(b, h, s, d) = x(b, h, s, d);
        for (Index p = 0; p < spec.pairs(); ++p) {
          const std::size_t pair = static_cast<std::size_t>(p);
          const Index component = spec.components.empty() ? 0 : spec.components[pair];
          const Wide position = static_cast<Wide>(positions(s, component));
          const Wide angle = position * spec.inverse_frequencies[pair];
          Wide factor = spec.attention_factor;
          if (!spec.growth.empty()) factor *= std::exp(spec.growth[pair] * (position - spec.centre));

          const auto [first, second] = detail::dims_of_pair(p, spec.pairs(), spec.offset, spec.pairing);
          const Wide real = x(b, h, s, first), imaginary = x(b, h, s, second);
          y(b, h, s, first) = static_cast<T>(factor * (real * std::cos(angle) - imaginary * std::sin(angle)));
          y(b, h, s, second) = static_cast<T>(factor * (imaginary * std::cos(angle) + real * std::sin(angle)));
        }
      }
}

}  // namespace reference

namespace contract {

/// What rope::rotate computes, by the contract of the rotation (rope/turn.hpp): every kernel gives these bits. Uses the
/// table, the rows and the direction; neither threads nor vectors.
template <class T>
void rotate(const View<const T>& x, const View<T>& y, const rope::Table<T>& table,
            const rope::RotateOptions& options = {}) {
  for (Index b = 0; b < x.batch(); ++b)
    for (Index h = 0; h < x.heads(); ++h)
      for (Index s = 0; s < x.length(); ++s) {
        const Index row = options.rows.given() ? options.rows(b, s) : options.first + s;
        for (Index d = 0; d < x.dim(); ++d)
          if (d < table.offset() || d >= table.offset() + table.rotary_dim()) y(b, h, s, d) = x(b, h, s, d);
        for (Index p = 0; p < table.pairs(); ++p) {
          const T cosine = table.cosine(row)[p], sine = table.sine(row)[p];
          auto [first, second] = detail::dims_of_pair(p, table.pairs(), table.offset(), table.pairing());
          if (options.inverse) std::swap(first, second);
          const T a = x(b, h, s, first), other = x(b, h, s, second);
          y(b, h, s, first) = ieee::one_nan(ieee::fma(a, cosine, other * (T(0) - sine)));
          y(b, h, s, second) = ieee::one_nan(ieee::fma(other, cosine, a * sine));
        }
      }
}

}  // namespace contract
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
