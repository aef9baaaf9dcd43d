// Trees of proposed tokens, for speculative decoding.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rapt/core/align.hpp"
#include "rapt/core/shared.hpp"
#include "rapt/score/coverage.hpp"
#include "rapt/score/per_position.hpp"
#include "rapt/score/stage.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// Trees of n nodes each, numbered in the order in which a walk enters them, children after their parents: the nodes
/// under a node have the numbers from its own up to its end. So a query has a key for its ancestor, or is it, if its
/// number lies there: two numbers a node instead of n bits.
class Trees {
 public:
  explicit Trees(const IntegerMatrix& parents)
      : nodes_(parents.columns()), number_(size(parents)), end_(size(parents)) {
    for (Index t = 0; t < parents.rows(); ++t) walk(parents, t);
  }

  const std::int32_t* number() const { return number_.data(); }  // [trees][nodes]
  const std::int32_t* end() const { return end_.data(); }

 private:
  static std::size_t size(const IntegerMatrix& m) { return static_cast<std::size_t>(m.rows() * m.columns()); }

  /// First the sizes, from the last node to the first: children come after their parents. Then each node takes the
  /// numbers that its parent has left.
  void walk(const IntegerMatrix& parents, Index tree) {
    std::int32_t* const number = number_.data() + tree * nodes_;
    std::int32_t* const end = end_.data() + tree * nodes_;
    std::vector<std::int32_t> next(static_cast<std::size_t>(nodes_));  // the first number that a node has left
    std::int32_t next_root = 0;
    std::fill(end, end + nodes_, 1);
    for (Index i = nodes_ - 1; i >= 0; --i)
      if (parents(tree, i) >= 0) end[parents(tree, i)] += end[i];
    for (Index i = 0; i < nodes_; ++i) {
      const std::int32_t parent = parents.low(tree, i), size = end[i];
      std::int32_t& from = parent < 0 ? next_root : next[static_cast<std::size_t>(parent)];
      number[i] = from;
      next[static_cast<std::size_t>(i)] = from + 1;
      end[i] = from += size;
    }
  }

  Index nodes_;
  std::vector<std::int32_t> number_, end_;
};

}  // namespace detail

/// See ancestors().
struct Ancestors {
  Shared<const detail::Trees> trees;
  const std::int32_t* number;  // [trees][nodes]
  const std::int32_t* end;
  Index stride;  // to the next batch entry's tree, or 0
  std::int32_t batch, nodes, queries;
  std::optional<Align> align = align::bottom_right;  ///< the last query is the last node

  /// The position of node 0.
  constexpr std::int32_t root(std::int32_t first_query) const { return first_query + queries - nodes; }

  constexpr bool attends(Coord c) const {
    const std::int32_t first = root(c.query - c.row);
    if (c.key > c.query) return false;
    if (c.key < first) return true;
    const Index at = c.batch * stride, query = c.query - first, key = c.key - first;
    return number[at + key] <= number[at + query] && number[at + query] < end[at + key];
  }

  /// By the least and the largest number of the queries' nodes.
  constexpr Coverage covers(const Box& box) const {
    const std::int32_t first = root(box.first_query - box.first_row);
    if (box.first_key > box.last_query) return Coverage::none;
    if (box.last_key < first && box.last_key <= box.first_query) return Coverage::all;
    if (box.first_key < first || box.first_query < first) return Coverage::some;
    const std::int32_t* const numbers = number + box.batch * stride;
    std::int32_t least = nodes, most = 0;
    for (std::int32_t q = box.first_query - first; q <= box.last_query - first; ++q) {
      least = std::min(least, numbers[q]);
      most = std::max(most, numbers[q]);
    }
    bool any = false, all = box.last_key <= box.first_query;
    for (std::int32_t k = box.first_key - first; k <= std::min(box.last_key, box.last_query) - first; ++k) {
      const std::int32_t begins = numbers[k], ends = end[box.batch * stride + k];
      any |= begins <= most && least < ends;
      all &= begins <= least && most < ends;
    }
    return !any ? Coverage::none : all ? Coverage::all : Coverage::some;
  }

  void check(const ProblemShape& shape) const {
    if (stride != 0 && shape.batch != batch)
      detail::fail("ancestors", {"has ", batch, " trees"}, {"it has to have ", shape.batch, ", or 1 for all"});
    if (shape.q_len != queries)
      detail::fail("ancestors", {"is of ", queries, " queries"},
                   {"the call has ", shape.q_len, ": say so if they are not the ", nodes, " nodes"});
    if (shape.kv_len < nodes)
      detail::fail("ancestors", {"has ", nodes, " nodes"}, {"it has to have no more than the ", shape.kv_len, " keys"});
  }
  std::string describe() const { return "ancestors of " + std::to_string(nodes) + " nodes"; }
};

/// A tree of tokens, as proposed in speculative decoding: the last n positions are its nodes, and parents[i], less than
/// i, is the node that node i follows, or -1 if it follows what stands before the tree. A node attends to what stands
/// before the tree, to its ancestors and to itself. [batch, n], or one tree for all batch entries.
///
/// The call's queries are the nodes. `queries` says if there are others: with fewer, they are the last nodes, as when a
/// tree grows; with more, those before the nodes attend as with causal(). (SpecInfer: Miao et al. 2023,
/// arXiv:2305.09781.)
inline Ancestors ancestors(PerPosition parents, std::optional<Index> queries = {}) {
  const detail::IntegerMatrix& p = parents.ids;
  const Index count = queries.value_or(p.columns());
  detail::require(p.rows() >= 1, "ancestors", "the number of trees", p.rows(), "it has to be 1 or more");
  detail::require(p.columns() < detail::max_length, "ancestors", "the number of nodes", p.columns(),
                  "it has to be less than 2^30");
  detail::require(count >= 0 && count < detail::max_length, "ancestors", "the number of queries", count,
                  "it has to be from 0 to 2^30 - 1");
  if (p.data() == nullptr && !p.empty())
    detail::fail("ancestors", "parents is a null pointer", "it has to point to the parents");
  for (Index t = 0; t < p.rows(); ++t)
    for (Index i = 0; i < p.columns(); ++i)
      if (p(t, i) < -1 || p(t, i) >= i)
        detail::fail("ancestors", {"the parent of node ", i, " is ", p(t, i)},
                     i == 0 ? "it has to be -1, for what stands before the tree"
                            : "it has to be a node before it, or -1 for what stands before the tree");
  auto trees = Shared<const detail::Trees>::make(p);
  const std::int32_t *const number = trees->number(), *const end = trees->end();
  return {std::move(trees),
          number,
          end,
          p.rows() == 1 ? 0 : p.columns(),
          static_cast<std::int32_t>(p.rows()),
          static_cast<std::int32_t>(p.columns()),
          static_cast<std::int32_t>(count)};
}

RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
