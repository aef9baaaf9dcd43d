// What a layer asks of its arguments, and what follows from its config.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rapt/core/align.hpp"
#include "rapt/core/error.hpp"
#include "rapt/core/overlap.hpp"
#include "rapt/core/problem.hpp"
#include "rapt/core/ragged_problem.hpp"
#include "rapt/core/shared.hpp"
#include "rapt/core/view.hpp"
#include "rapt/layer/config.hpp"
#include "rapt/layer/rows.hpp"
#include "rapt/rope/table.hpp"
#include "rapt/score/band.hpp"
#include "rapt/score/compose.hpp"
#include "rapt/score/softcap.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// What a config says of who attends to whom.
inline Band band_of(const LayerConfig& c) {
  if (!c.causal) return {};
  return c.window == 0 ? causal() : causal() | window(c.window - 1, -1);
}

/// A score and then the config's band. Where there is no score but the band, one kind of kernel does for all configs.
inline Band with_band(const Plain& score, const Band& band) { return {band.left, band.right, score.align}; }
template <class S> auto with_band(const S& score, const Band& band) { return score | band; }

/// A layer's queries stand at the positions of their tokens, which are the last ones of a cache. An alignment that says
/// otherwise would also turn them by the angles of others.
template <class S> const S& checked_score(const S& score, const LayerConfig& c) {
  const std::optional<Align> aligned = align_of(score);
  if (c.memory_size == 0 && aligned && *aligned != align::bottom_right)
    fail("score", {"has the alignment ", describe(*aligned)}, "it has to be bottom-right in self-attention, or unset");
  const double cap = cap_of(score);
  if (c.softcap != 0 && cap != c.softcap)
    fail("config", {"softcap is ", c.softcap, ", and the score is ", describe(score)},
         "the score has to have that softcap: AttentionLayer layer(config, weights, softcap(config.softcap))");
  return score;
}

/// A call's own score, which applies after the layer's.
template <class C> void checked_score_of_call(const C& call, const LayerConfig& c) {
  const std::optional<Align> aligned = align_of(call);
  if (c.memory_size == 0 && aligned && *aligned != align::bottom_right)
    fail("score", {"has the alignment ", describe(*aligned)}, "it has to be bottom-right in self-attention, or unset");
}

/// A norm's weights as they are multiplied with.
template <class T> std::vector<T> norm_weights(std::span<const T> weights, QkNorm norm, Index head_dim) {
  if (norm == QkNorm::unweighted) return std::vector<T>(static_cast<std::size_t>(head_dim), T(1));
  std::vector<T> factors(weights.begin(), weights.end());
  if (norm == QkNorm::one_plus_weight)
    for (T& factor : factors) factor = T(1) + factor;
  return factors;
}

/// The angles that were passed, if they fit the config, or new ones; none without a rope.
template <class T>
Shared<const rope::Table<T>> checked_angles(const LayerConfig& c, Shared<const rope::Table<T>> angles) {
  if (!c.rope) {
    if (angles) fail("angles", "are set", "they have to be unset, as the config has no rope");
    return {};
  }
  if (!angles) {
    if (c.max_positions == 0)
      fail("config", "max_positions is 0", "it has to be 1 or more with a rope: the rows of its table");
    return Shared<const rope::Table<T>>::make(*c.rope, c.max_positions);
  }
  check_same("angles", "rotary_dim", angles->rotary_dim(), c.rope->rotary_dim(), "the config's rope");
  check_same("angles", "offset", angles->offset(), c.rope->offset, "the config's rope");
  if (angles->pairing() != c.rope->pairing)
    fail("angles", "are of another pairing", "it has to be that of the config's rope");
  return angles;
}

/// Hidden states: [batch, n, size], a view of one head.
template <class T> void check_states(const View<T>& states, const char* name, Index size, const char* like) {
  check_view(states, name, "the number of dims");
  require(states.heads() == 1, name, "the number of heads", states.heads(),
          "it has to be 1: hidden states are a view of one head, as bsd() makes it");
  check_same(name, "the number of dims", states.dim(), size, like);
}

template <class T> void check_apart_from(const View<T>& y, const View<const T>& read, const char* name) {
  if (may_overlap(footprint(y), footprint(read)))
    fail("y", std::string("shares memory with ") + name, "it has to be apart from what is read");
}

/// What goes in and what comes out.
template <class T> void check_in_and_out(const View<const T>& x, const View<T>& y, Index hidden_size) {
  check_states(x, "x", hidden_size, "the config: hidden_size");
  check_states(y, "y", hidden_size, "the config: hidden_size");
  check_same("y", "batch", y.batch(), x.batch(), "x");
  check_same("y", "length", y.length(), x.length(), "x");
  if (overlaps_itself(footprint(y)))
    fail("y", "two elements may share an address", "each needs its own (a stride of 0 broadcasts only what is read)");
  check_apart_from(y, x, "x");
}

/// The same of sequences.
template <class T> void check_in_and_out(const Ragged<const T>& x, const Ragged<T>& y, Index hidden_size) {
  check_states(x.view, "x", hidden_size, "the config: hidden_size");
  check_states(y.view, "y", hidden_size, "the config: hidden_size");
  check_sequences(x, "x");
  check_sequences(y, "y");
  check_same("y", "batch", y.view.batch(), x.view.batch(), "x");
  check_same("y", "length", y.view.length(), x.view.length(), "x");
  check_same_sequences(y, "y", x, "x");
  if (overlaps_itself(footprint(y.view)))
    fail("y", "two elements may share an address", "each needs its own (a stride of 0 broadcasts only what is read)");
  check_apart_from(y.view, x.view, "x");
}

/// Rows of a table for the tokens of a view of so many; looked at are those of one stretch.
inline void check_given_positions(const IntegerMatrix& positions, const Stretch& stretch, Index batch, Index length,
                                  Index rows) {
  check_same("positions", "the number of rows", positions.rows(), batch, "the batch of x");
  check_same("positions", "the number of columns", positions.columns(), length, "the length of x");
  const Index b = stretch.first_entry;
  for (Index i = stretch.begin; i < stretch.begin + stretch.length; ++i)
    if (positions(b, i) < 0 || positions(b, i) >= rows)
      fail("positions", {"positions(", b, ", ", i, ") is ", positions(b, i)},
           {"it has to be from 0 to ", rows - 1, ", a row of the rotary table"});
}

/// The last of n tokens after `length` ones has to have a row in a table of so many.
inline void check_reach(Index length, Index n, Index rows) {
  if (n > 0 && length + n > rows)
    fail("x", "its last token stands at position " + std::to_string(length + n - 1),
         "it has to be at most " + std::to_string(rows - 1) +
             ", the last row of the rotary table: config.max_positions");
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
