// A prefix that is read in both directions, and what is written after it.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <string>

#include "rapt/score/coverage.hpp"
#include "rapt/score/per_batch.hpp"

RAPT_NAMESPACE_BEGIN

/// See prefix_lm().
struct PrefixLm {
  PerBatch lengths;

  bool attends(Coord c) const { return (c.key <= c.query) | (c.key < lengths.of(c.batch)); }
  Coverage covers(const Box& box) const {
    const std::int32_t length = lengths.of(box.batch);
    if (box.last_key <= box.first_query || box.last_key < length) return Coverage::all;
    return box.first_key > box.last_query && box.first_key >= length ? Coverage::none : Coverage::some;
  }
  void check(const ProblemShape& shape) const { lengths.check("prefix_lm", "length", shape); }
  std::string describe() const { return "prefix_lm(" + lengths.describe() + ")"; }
};

/// Of batch entry b, every query attends to the first lengths[b] positions; beyond them, to its own position and those
/// before it, as with causal(). One number, or one for each batch entry (32 or 64 bits, the caller's memory), 0 or
/// more. As in prefix language models (Raffel et al. 2020, arXiv:1910.10683) and PaliGemma.
inline PrefixLm prefix_lm(PerBatch lengths) {
  lengths.check("prefix_lm", "length");
  return {lengths};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
