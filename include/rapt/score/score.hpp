// What may stand between the scores and the softmax.
#pragma once

#include <concepts>
#include <optional>
#include <string>

#include "rapt/core/align.hpp"
#include "rapt/core/coord.hpp"
#include "rapt/score/coverage.hpp"

RAPT_NAMESPACE_BEGIN

/// Nothing: every query attends to every key.
struct Plain {
  std::optional<Align> align{};

  constexpr bool attends(Coord) const { return true; }
  constexpr Coverage covers(const Box&) const { return Coverage::all; }
  std::string describe() const { return "none"; }
};

/// A mask: whether a query attends to a key, and how much of a box of scores it lets through.
template <class S>
concept Score = requires(const S& s, Coord c, const Box& box) {
  { s.attends(c) } -> std::same_as<bool>;
  { s.covers(box) } -> std::same_as<Coverage>;
  { s.describe() } -> std::convertible_to<std::string>;
  { s.align } -> std::convertible_to<std::optional<Align>>;
};

RAPT_NAMESPACE_END
