// Batches of sequences of different lengths, filled up to one: the filling is not attended to.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <string>

#include "rapt/score/coverage.hpp"
#include "rapt/score/per_batch.hpp"

RAPT_NAMESPACE_BEGIN

/// See padding().
struct Padding {
  PerBatch lengths;

  bool attends(Coord c) const { return c.key < lengths.of(c.batch); }
  Coverage covers(const Box& box) const {
    const std::int32_t length = lengths.of(box.batch);
    return box.first_key >= length ? Coverage::none : box.last_key < length ? Coverage::all : Coverage::some;
  }
  void check(const ProblemShape& shape) const { lengths.check("padding", "length", shape); }
  std::string describe() const { return "padding(" + lengths.describe() + ")"; }
};

/// Right padding: of batch entry b, only the first lengths[b] positions are attended to. One number, or one for each
/// batch entry (32 or 64 bits, the caller's memory), 0 or more. What queries in the filling compute is nobody's
/// concern.
inline Padding padding(PerBatch lengths) {
  lengths.check("padding", "length");
  return {lengths};
}

/// See left_padding().
struct LeftPadding {
  PerBatch starts;

  bool attends(Coord c) const { return c.key >= starts.of(c.batch); }
  Coverage covers(const Box& box) const {
    const std::int32_t start = starts.of(box.batch);
    return box.last_key < start ? Coverage::none : box.first_key >= start ? Coverage::all : Coverage::some;
  }
  void check(const ProblemShape& shape) const { starts.check("left_padding", "start", shape); }
  std::string describe() const { return "left_padding(" + starts.describe() + ")"; }
};

/// Left padding: of batch entry b, only the positions from starts[b] on are attended to. One number, or one for each
/// batch entry (32 or 64 bits, the caller's memory), 0 or more.
inline LeftPadding left_padding(PerBatch starts) {
  starts.check("left_padding", "start");
  return {starts};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
