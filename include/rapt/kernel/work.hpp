// What a kernel is given: the seam between ordinary code and the regions. Plain pointers and numbers, no vector type.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "rapt/core/problem.hpp"
#include "rapt/isa/isa.hpp"
#include "rapt/kernel/integers.hpp"
#include "rapt/kernel/scoring.hpp"
#include "rapt/plan/cuts.hpp"
#include "rapt/plan/schedule.hpp"
#include "rapt/rope/table.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// How queries are turned while they are packed.
template <class T> struct Rotation {
  const rope::Table<T>* table = nullptr;  // not at all, if null
  IntegerMatrix rows{};           // of the table, where the queries stand; if empty, that of each one's position
  TurnRow<T> turn_row = nullptr;  // from the table, so that only a program with a table compiles it

  /// A query of batch entry b, at place i along the view, at `position` of its sequence, to elements side by side.
  void turn(Index b, Index i, Index position, Index head_dim, const T* query, Index stride, T* to) const {
    turn_row(table->turn(rows.given() ? rows(b, i) : position, head_dim), query, stride, to, 1);
  }
};

/// The softmax states of a call's rows, [batch, q_heads, q_len, value_dim + 2]: m, l and o, side by side. Where a call
/// goes on from another, whose keys come before its own, each row begins with the state that the other has left of it.
template <class T> struct Carry {
  View<const T> from{};  // where rows begin, if not empty
  View<T> to{};          // where their states go, instead of outputs
};

template <class T, class Kv> struct ForwardWork {
  Problem<T, Kv> problem;
  Scoring<T> score;
  Rotation<T> rotation;
  Schedule schedule;      // of a ragged batch only what is common to all sequences
  Cuts cuts;              // of a ragged batch
  T* states;              // where the parts of a block leave their spans' states; unused with one part
  std::int32_t* pending;  // for each block, its parts that are not done yet
  std::atomic<int>* ran;  // receives the instruction set of the kernel that ran, by its own word
  Carry<T> carry{};
  RowAccess<T> access{};    // to rows of queries and outputs that are not kept as T
  IntegerLoops integers{};  // over keys and values that are codes
};

/// The kernels of one instruction set for one kind of call: one with the queries in the lanes, and one for few queries.
template <class T, class Kv> struct ForwardKernel {
  Isa isa;
  Index lanes;     // rows of a group
  int depth;       // products that join a sum at once: 2 are those of bfloat16, 4 those of integers
  Index few_rows;  // of a key/value head that the kernel for few queries takes at most; 0 if there is none
  Index (*scratch_bytes)(const Extents&, const Schedule&);
  Index (*kept_state_size)(const Extents&, const Schedule&);  // numbers of type T that a block keeps of each span
  void (*run_item)(const ForwardWork<T, Kv>&, Index item, std::byte* scratch);
};

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
