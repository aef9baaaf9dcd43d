// How the work is cut: pure functions of the shapes, the lanes and the number of workers. None of it changes a bit of
// the result.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>

#include "rapt/core/contract.hpp"
#include "rapt/core/rounding.hpp"
#include "rapt/core/types.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// What a schedule depends on.
struct Extents {
  Index batch, kv_heads, group, q_len, kv_len, head_dim, value_dim;
  Index element;              // bytes
  bool heads_inside = false;  // the heads of a position stand closer together than the positions of a head
};

/// The rows of a key/value head are its query heads' queries, position by position with the heads of the group inside:
/// row r is query r / group of head r % group. `lanes` of them make a group, `groups` groups a block; an item is a
/// block, or a part of its spans.
struct Schedule {
  Index lanes;    // rows of a group: the kernel's registers times their width
  Index groups;   // groups of a block: they share each tile of keys and values while it is in the cache
  Index rows;     // of a key/value head
  Index blocks;   // of a key/value head
  Index heads;    // batch · kv_heads
  Index spans;    // of the keys
  Index parts;    // that a block's spans are dealt into: more than 1 only for blocks of one group, where there are few
  Index turns;    // heads that take turns at a part: 1, or all of a position's
  bool few;       // the rows are so few that keys go into the lanes, not queries
  Index workers;  // that can have something to do
  Index all;      // items

  Index items() const { return all; }
  Index block_rows() const { return lanes * groups; }
  /// Rows of the largest block.
  Index rows_together() const { return rows < block_rows() ? rows : block_rows(); }
};

/// Bytes that a block's queries and outputs may take, so that they and a tile of keys and values fit into a 1 MiB
/// second-level cache with room to spare.
inline constexpr Index block_bytes = 448 * 1024;

/// The most rows that go through the keys together where keys are in the lanes: beyond, queries fill the lanes better.
inline constexpr Index most_few_rows = 16;

/// Several items a worker, so that those that end early find more: causal blocks differ by their position.
inline constexpr Index items_per_worker = 4;

/// The fewest blocks that spans are not dealt for: as many as workers; but few queries take so little time with a block
/// that an uneven share of blocks would show.
constexpr Index enough_blocks(const Schedule& s, Index workers) { return s.few ? items_per_worker * workers : workers; }

/// What the rows of a head, its keys and the kernel's lanes make of it, before any work is dealt out. `few_rows`: the
/// most rows of a head that the kernel for few queries takes.
inline Schedule uncut(const Extents& e, Index lanes, Index few_rows) {
  Schedule s{};
  s.lanes = lanes;
  s.rows = e.group * e.q_len;
  s.heads = e.batch * e.kv_heads;
  s.few = s.rows <= few_rows;
  s.spans = ceil_div(e.kv_len, contract::span);
  s.parts = s.turns = 1;
  return s;
}

constexpr Index groups_of_head(const Schedule& s) { return ceil_div(s.rows, s.lanes); }

/// Blocks of as many groups as share a tile well: `for_workers` of them at most, so that there are enough blocks.
inline void cut_rows(Schedule& s, const Extents& e, Index for_workers) {
  const Index all_groups = groups_of_head(s);
  const Index for_cache = block_bytes / (s.lanes * e.element * (e.head_dim + 2 * e.value_dim));
  s.groups = std::clamp<Index>(std::min(for_cache, for_workers), 1, std::max<Index>(all_groups, 1));
  if (s.few)  // all rows go through the keys together, or as many as are ever few
    s.groups = std::clamp<Index>(ceil_div(most_few_rows, s.lanes), 1, std::max<Index>(all_groups, 1));
  s.blocks = ceil_div(all_groups, s.groups);
}

/// Where there are few rows, and heads stand side by side, they take turns at each span.
inline void take_turns(Schedule& s, const Extents& e) {
  if (!s.few || !e.heads_inside || s.spans <= 1) return;
  // One head's rows are a little of each of many pages: by the time that the next head wants the rest of them, the
  // processor has forgotten where they are, unless all heads go through a span before any goes on to the next one.
  s.turns = e.kv_heads;
  s.parts = s.spans;
}

inline Schedule make_schedule(const Extents& e, Index lanes, Index few_rows, Index workers) {
  Schedule s = uncut(e, lanes, few_rows);
  const Index wanted_items = workers > 1 ? items_per_worker * workers : 1;
  cut_rows(s, e, s.heads * groups_of_head(s) / wanted_items);
  const Index whole = s.heads * s.blocks;
  if (workers > 1 && (s.few || s.groups == 1) && whole > 0 && whole < enough_blocks(s, workers))
    s.parts = std::clamp<Index>(ceil_div(wanted_items, whole), 1, std::max<Index>(s.spans, 1));
  take_turns(s, e);
  s.all = s.heads * s.blocks * s.parts;
  s.workers = std::clamp<Index>(s.all, 1, workers);
  return s;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
