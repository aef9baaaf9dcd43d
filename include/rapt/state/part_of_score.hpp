// A score, as it is to a part of a call whose rows or positions are counted in another way.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include "rapt/core/coord.hpp"
#include "rapt/core/divisor.hpp"
#include "rapt/score/alibi.hpp"
#include "rapt/score/band.hpp"
#include "rapt/score/compose.hpp"
#include "rapt/score/coverage.hpp"
#include "rapt/score/relative_bias.hpp"
#include "rapt/score/scale_by_head.hpp"
#include "rapt/score/sinks.hpp"
#include "rapt/score/softcap.hpp"
#include "rapt/score/stage.hpp"
#include "rapt/score/when.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Stages that ask for nothing but the score; and those that ask for a head, a batch entry and a distance at most,
/// which are the same wherever positions begin.
template <class S> inline constexpr bool asks_for_no_place = false;
template <> inline constexpr bool asks_for_no_place<Plain> = true;
template <> inline constexpr bool asks_for_no_place<Softcap> = true;
template <class S> inline constexpr bool asks_for_distances = asks_for_no_place<S>;
template <> inline constexpr bool asks_for_distances<Band> = true;
template <> inline constexpr bool asks_for_distances<Alibi> = true;
template <class K> inline constexpr bool asks_for_distances<RelativeBias<K>> = true;
template <class K> inline constexpr bool asks_for_distances<HeadScale<K>> = true;
template <class K> inline constexpr bool asks_for_distances<HeadSinks<K>> = true;

/// The keys behind the first `common` ones: each position is so much less than in the whole.
struct BehindCommon {
  std::int32_t common;

  static constexpr bool last = true;  // the part that a sink joins
  template <class S> static constexpr bool keeps = asks_for_distances<S>;
  constexpr Coord whole(Coord c) const { return {c.batch, c.head, c.query + common, c.key + common, c.row}; }
  template <class S> constexpr Coverage covers(const S& stage, Box box) const {
    box.first_query += common, box.last_query += common;
    box.first_key += common, box.last_key += common;
    return detail::covers(stage, box);
  }
};

/// The first keys, which all sequences share, to the queries of all of them as the rows of one sequence: row
/// b · q_len + i is query i of batch entry b, whose first query stands at position first[b].
struct FoldedRows {
  Divisor q_len;
  const std::int32_t* first;

  static constexpr bool last = false;
  template <class S> static constexpr bool keeps = asks_for_no_place<S>;
  constexpr Coord whole(Coord c) const {
    const std::int32_t b = q_len.divide(c.query), i = c.query - b * q_len.value();
    return {b, c.head, first[b] + i, c.key, i};
  }
  /// A box of rows is a box of each batch entry that they belong to.
  template <class S> constexpr Coverage covers(const S& stage, const Box& box) const {
    const std::int32_t n = q_len.value(), begin = q_len.divide(box.first_query), end = q_len.divide(box.last_query);
    Coverage most = Coverage::none, least = Coverage::all;
    for (std::int32_t b = begin; b <= end; ++b) {
      const std::int32_t i = b == begin ? box.first_query - b * n : 0, j = b == end ? box.last_query - b * n : n - 1;
      const Coverage c = detail::covers(
          stage, Box{b, box.first_head, box.last_head, first[b] + i, first[b] + j, box.first_key, box.last_key, i});
      most = std::max(most, c), least = std::min(least, c);
    }
    return most == least ? most : Coverage::some;
  }
};

/// One sequence of several, in a call of its own.
struct OneSequence {
  std::int32_t batch;

  static constexpr bool last = true;
  template <class S> static constexpr bool keeps = asks_for_distances<S>;
  constexpr Coord whole(Coord c) const { return {batch, c.head, c.query, c.key, c.row}; }
  template <class S> constexpr Coverage covers(const S& stage, Box box) const {
    box.batch = batch;
    return detail::covers(stage, box);
  }
};

/// A stage of the whole, asked about a part.
template <Stage S, class Part> struct OfPart {
  S stage;
  Part part;

  constexpr bool attends(Coord c) const requires Masks<S> { return detail::attends(stage, part.whole(c)); }
  constexpr Coverage covers(const Box& box) const { return part.covers(stage, box); }
  template <class T> constexpr T change(T score, Coord c) const requires Changes<S> {
    return detail::changed<T>(stage, score, part.whole(c));
  }
  constexpr double sink(std::int32_t batch, std::int32_t head) const requires(Sinks<S>&& Part::last) {
    return stage.sink(part.whole(Coord{batch, head, 0, 0}).batch, head);
  }
  std::string describe() const { return detail::describe(stage); }
};

/// The score of a part. What a part has no use for is none, what is the same there stays what it is, so that a kernel
/// knows it by its type, and a composition is one of parts. Nothing of it is checked again: check the whole.
template <class S, class Part> constexpr auto part_of(const S& stage, const Part& part) {
  if constexpr (Part::template keeps<S>)
    return stage;
  else if constexpr (!Masks<S> && !Changes<S> && !(Sinks<S> && Part::last))
    return Plain{};
  else
    return OfPart<S, Part>{stage, part};
}
template <class A, class B, class Part> constexpr auto part_of(const Then<A, B>& both, const Part& part) {
  return Then<decltype(part_of(both.first, part)), decltype(part_of(both.second, part))>{part_of(both.first, part),
                                                                                         part_of(both.second, part)};
}
template <class S, class Part> constexpr auto part_of(const When<S>& stage, const Part& part) {
  return When<decltype(part_of(stage.stage, part))>{part_of(stage.stage, part), stage.on};
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
