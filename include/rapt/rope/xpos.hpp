// xPos: rotary positions whose scores also fade with the distance.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include "rapt/core/logarithm.hpp"
#include "rapt/rope/spec.hpp"

RAPT_NAMESPACE_BEGIN
namespace rope {

/// Whose rotation: queries are multiplied with the scale of their position, keys divided by it.
enum class Side { queries, keys };

struct XPos {
  double base = 10000;
  double gamma = 0.4;
  double scale_base = 512;  ///< positions over which the scale of pair p of n falls to (p/n + gamma) / (1 + gamma)
  double centre = 0;        ///< the position at which the scale is 1; the middle of the sequence keeps numbers small
};

/// xPos: a score falls with the distance from query back to key, the slow pairs' part least (Sun et al. 2022,
/// arXiv:2212.10554). Queries and keys each have a spec, and so a table, of their own; both need the same options.
///
/// Its authors' code pairs dims as Pairing::interleaved.
inline Spec xpos(Index rotary_dim, Side side, const XPos& o = {}) {
  Spec spec = standard(rotary_dim, o.base);
  detail::require_positive("rope", "gamma", o.gamma);
  detail::require_positive("rope", "scale_base", o.scale_base);
  spec.centre = o.centre;
  const double pairs = static_cast<double>(spec.pairs()), sign = side == Side::queries ? 1 : -1;
  for (Index p = 0; p < spec.pairs(); ++p) {
    const double scale = (static_cast<double>(p) / pairs + o.gamma) / (1 + o.gamma);
    spec.growth.push_back(sign * detail::logarithm(scale) / o.scale_base);
  }
  return spec;
}

}  // namespace rope
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
