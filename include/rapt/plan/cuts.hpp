// How a ragged batch is cut: each sequence by its own lengths, the longest items first. None of it changes a bit of the
// result.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "rapt/core/function_ref.hpp"
#include "rapt/core/types.hpp"
#include "rapt/plan/schedule.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// One sequence: a batch of its own, whose items, blocks and states come after those of the sequences before it.
struct Cut {
  Schedule schedule;
  Index batch;
  Index first_item;
  Index first_block;  // of those that are dealt into parts
  Index first_state;  // in numbers
};

/// All of them, in the order in which they are worked on; none, if the batch is not ragged.
struct Cuts {
  const Cut* first = nullptr;
  Index count = 0;

  /// Whose item that is: the last one's whose items don't begin after it. (Those before it that begin there too have
  /// none.)
  const Cut& of_item(Index item) const {
    Index low = 0, high = count;
    while (high - low > 1) {
      const Index middle = (low + high) / 2;
      (first[middle].first_item <= item ? low : high) = middle;
    }
    return first[low];
  }
};

/// What the cuts depend on.
struct RaggedWork {
  Index sequences;
  FunctionRef<Extents(Index)> extents;  // of each, as a batch of one
  Index lanes, few_rows, workers;
  Index (*kept_state_size)(const Extents&, const Schedule&);
};

/// What all sequences come to.
struct CutTotals {
  Index items = 0;
  Index blocks = 0, states = 0;  // of blocks that are dealt into parts; numbers that they keep
  Index few = 0, many = 0;       // sequences with rows, by the kernel that takes them
  Index dealt = 0;               // sequences whose blocks are dealt into parts
  Index groups = 1;              // the most of a block with queries in the lanes
  Index queries = 0, keys = 0;
  Index longest_queries = 0, longest_keys = 0;
};

/// The work of a span, of a group of rows or of all few rows, in some unit. Few rows are done in the time that it takes
/// to read their keys.
constexpr Index span_cost(const Schedule& s) { return s.few ? 1 : 4; }

/// The work of an item, by its extents: what masks leave out is not known.
constexpr Index item_cost(const Schedule& s) { return span_cost(s) * s.groups * s.spans / s.parts; }

/// An item is to be no more than this: then each worker has several, whatever the lengths.
inline Index fair_share(const RaggedWork& work) {
  if (work.workers == 1) return std::numeric_limits<Index>::max();
  double total = 0;
  for (Index b = 0; b < work.sequences; ++b) {
    const Schedule s = uncut(work.extents(b), work.lanes, work.few_rows);
    total += double(s.heads) * double(span_cost(s)) * double(groups_of_head(s)) * double(s.spans);
  }
  return std::max<Index>(static_cast<Index>(total / double(items_per_worker * work.workers)), 1);
}

/// Blocks of a sequence that stay within the share; and, where one group alone doesn't, parts of its spans that do.
/// Parts have their price, so that a group may be twice the share.
inline Schedule cut_sequence(const Extents& e, const RaggedWork& work, Index share) {
  Schedule s = uncut(e, work.lanes, work.few_rows);
  const Index group = span_cost(s) * std::max<Index>(s.spans, 1);
  cut_rows(s, e, share / group);
  if ((s.few || s.groups == 1) && group / (s.few ? 1 : 2) > share)
    s.parts = std::clamp<Index>(ceil_div(group, share), 1, std::max<Index>(s.spans, 1));
  take_turns(s, e);
  s.all = s.heads * s.blocks * s.parts;
  s.workers = work.workers;
  return s;
}

inline void add_cut(CutTotals& totals, const Extents& e, const Schedule& s, Index kept) {
  totals.items += s.all;
  if (s.parts > 1 && s.all > 0) {
    totals.blocks += s.heads * s.blocks;
    totals.states += s.heads * s.blocks * s.spans * kept;
    ++totals.dealt;
  }
  if (s.all > 0) ++(s.few ? totals.few : totals.many);
  if (!s.few) totals.groups = std::max(totals.groups, s.groups);
  totals.queries += e.q_len;
  totals.keys += e.kv_len;
  totals.longest_queries = std::max(totals.longest_queries, e.q_len);
  totals.longest_keys = std::max(totals.longest_keys, e.kv_len);
}

/// Cuts every sequence; with a `table`, one entry a sequence, also says in which order, and where each one's items
/// begin. Allocates nothing.
inline CutTotals cut_sequences(const RaggedWork& work, Cut* table) {
  const Index share = fair_share(work);
  CutTotals totals;
  for (Index b = 0; b < work.sequences; ++b) {
    const Extents e = work.extents(b);
    const Schedule s = cut_sequence(e, work, share);
    add_cut(totals, e, s, s.parts > 1 ? work.kept_state_size(e, s) : 0);
    if (table != nullptr) table[b] = {s, b, 0, 0, 0};
  }
  if (table == nullptr) return totals;
  std::sort(table, table + work.sequences, [](const Cut& a, const Cut& b) {
    const Index first = item_cost(a.schedule), second = item_cost(b.schedule);
    return first != second ? first > second : a.batch < b.batch;
  });
  CutTotals before;
  for (Cut* cut = table; cut != table + work.sequences; ++cut) {
    const Extents e = work.extents(cut->batch);
    cut->first_item = before.items;
    cut->first_block = before.blocks;
    cut->first_state = before.states;
    add_cut(before, e, cut->schedule, cut->schedule.parts > 1 ? work.kept_state_size(e, cut->schedule) : 0);
  }
  return totals;
}

/// Each block that is dealt out begins with all of its parts to be done.
inline void begin_parts(const Cuts& cuts, std::int32_t* pending) {
  for (const Cut* cut = cuts.first; cut != cuts.first + cuts.count; ++cut)
    if (cut->schedule.parts > 1)
      for (Index block = 0; block < cut->schedule.heads * cut->schedule.blocks; ++block)
        pending[cut->first_block + block] = static_cast<std::int32_t>(cut->schedule.parts);
}

/// Says to Plan that its batch is ragged.
struct OfSequences {};

inline std::string describe_lengths(const CutTotals& t) {
  const auto n = [](Index x) { return std::to_string(x); };
  return "up to " + n(t.longest_queries) + " queries (" + n(t.queries) + " in all), up to " + n(t.longest_keys) +
         " keys (" + n(t.keys) + " in all)";
}

inline std::string describe_kernels(const CutTotals& t, Index lanes) {
  return std::to_string(lanes) + " rows in the lanes for " + std::to_string(t.many) + " sequences, keys for " +
         std::to_string(t.few) + ", whose rows are few";
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
