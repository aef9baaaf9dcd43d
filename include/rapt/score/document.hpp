// Several sequences in one: each attends to itself.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <string>

#include "rapt/score/coverage.hpp"
#include "rapt/score/per_position.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN

/// See document().
struct Document {
  PerPosition queries, keys;
  bool by_row;  // queries has an id for each of the call's queries, not for each position

  Index place(Coord c) const { return by_row ? c.row : c.query; }
  /// Whether a query has an id: not if it stands before or after all positions that have one.
  bool known(Coord c) const { return place(c) >= 0 && place(c) < queries.ids.columns(); }
  /// The ids of a query that has one, and of a key.
  std::int32_t query_id(Coord c) const { return queries.ids.low(c.batch, place(c)); }
  std::int32_t key_id(Coord c) const { return keys.ids.low(c.batch, c.key); }

  bool attends(Coord c) const { return known(c) && query_id(c) == key_id(c); }

  /// By the least and the largest id on either side: sequences that follow each other, with ids that ascend, are told
  /// apart exactly.
  Coverage covers(const Box& box) const {
    const Index first = by_row ? box.first_row : box.first_query, last = first + (box.last_query - box.first_query);
    const Index known_first = std::max<Index>(first, 0), known_last = std::min<Index>(last, queries.ids.columns() - 1);
    if (known_first > known_last) return Coverage::none;
    const Range q = range_of(queries.ids, box.batch, known_first, known_last);
    const Range k = range_of(keys.ids, box.batch, box.first_key, box.last_key);
    if (q.least > k.most || q.most < k.least) return Coverage::none;
    const bool one = q.least == q.most && k.least == k.most && known_first == first && known_last == last;
    return one ? Coverage::all : Coverage::some;
  }

  void check(const ProblemShape& shape) const {
    keys.check("document", "key", shape.batch, shape.kv_len, true);
    if (by_row) queries.check("document", "query", shape.batch, shape.q_len, false);
    shape.check_apart(keys.ids, "document");
    shape.check_apart(queries.ids, "document");
  }
  std::string describe() const { return "document"; }

 private:
  struct Range {
    std::int32_t least, most;
  };
  static Range range_of(const detail::IntegerMatrix& ids, Index batch, Index first, Index last) {
    const detail::Integers row = ids.row(batch);
    std::int32_t least = row.low(first), most = least;
    for (Index i = first + 1; i <= last; ++i) {
      const std::int32_t id = row.low(i);
      least = id < least ? id : least;
      most = id > most ? id : most;
    }
    return {least, most};
  }
};

/// A query attends to the keys with the id of its own position: several documents packed into one sequence, say. `ids`
/// has one for each position at least up to the last key, of each batch entry or of all; a query beyond attends to
/// nothing. Any numbers; tiles without a common id are skipped if ids ascend.
inline Document document(PerPosition ids) { return {ids, ids, false}; }

/// The same with ids of the call's queries and of the keys: [batch or 1, q_len] and [batch or 1, kv_len or more].
inline Document document(PerPosition query_ids, PerPosition key_ids) { return {query_ids, key_ids, true}; }

/// document() by its other name, where what is packed is called a sequence: its ids are sequence or segment ids.
inline Document same_sequence(PerPosition ids) { return document(ids); }
inline Document same_sequence(PerPosition query_ids, PerPosition key_ids) { return document(query_ids, key_ids); }

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
