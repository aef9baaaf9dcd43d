// Every so many keys.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <bit>
#include <cstdint>
#include <string>

#include "rapt/core/divisor.hpp"
#include "rapt/core/error.hpp"
#include "rapt/score/coverage.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN

/// See dilated().
struct Dilated {
  detail::Divisor step;
  // Whether n is a multiple of the step, without a division, so that the question fills a register's lanes: with
  // step = odd · 2^zeros, n / odd is n · inverse (modulo 2^32) and within ±limit if it has no rest; a rest of the
  // power of two, rotated to the top, is far beyond. (Warren, "Hacker's Delight", 10-17; Granlund and Montgomery 1994.)
  std::uint32_t inverse, limit;
  int zeros;

  constexpr explicit Dilated(std::int32_t n)
      : step(n), inverse(1), limit(0), zeros(std::countr_zero(static_cast<std::uint32_t>(n))) {
    const std::uint32_t odd = static_cast<std::uint32_t>(n) >> zeros;
    for (int i = 0; i < 5; ++i) inverse *= 2 - odd * inverse;  // twice as many bits are right each time
    limit = (0x7fffffffu / odd) >> zeros << zeros;
  }

  constexpr bool attends(Coord c) const {
    const std::uint32_t n = static_cast<std::uint32_t>(c.query - c.key) * inverse + limit;
    return (n >> zeros | n << (32 - zeros) % 32) <= 2 * limit >> zeros;
  }
  constexpr Coverage covers(const Box& box) const {
    const std::int32_t least = box.first_query - box.last_key, most = box.last_query - box.first_key;
    if (step.value() == 1) return Coverage::all;
    if (step.floor(least - 1) == step.floor(most)) return Coverage::none;
    return least == most ? Coverage::all : Coverage::some;
  }
  std::string describe() const { return "dilated(" + std::to_string(step.value()) + ")"; }
};

/// A query attends to the keys whose distance from its position, either way, is a multiple of `step`, and so to its own
/// position. With causal(), the strided part of a Sparse Transformer (Child et al. 2019, arXiv:1904.10509); with
/// window(left, 0), a dilated window (Beltagy et al. 2020, arXiv:2004.05150). It says what is computed, not that it be
/// cheap: a tile is skipped only where the step is larger than it is.
inline Dilated dilated(Index step) {
  detail::require(step >= 1 && step < detail::max_length, "dilated", "step", step, "it has to be from 1 to 2^30 - 1");
  return Dilated(static_cast<std::int32_t>(step));
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
