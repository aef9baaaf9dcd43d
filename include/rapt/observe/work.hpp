// What the observing kernels are given: the seam between ordinary code and the regions.
#pragma once

#include "rapt/core/fence_begin.hpp"

#include <cstddef>

#include "rapt/kernel/work.hpp"
#include "rapt/observe/observation.hpp"

RAPT_NAMESPACE_BEGIN
namespace detail {

/// What goes to a caller's view of all scores.
enum class Shown : std::int8_t { nothing, scores, probabilities };

/// What is asked of a call.
template <class T> struct ObserveWishes {
  Observation<T> into;
  LogSumExp<T> lse;  // where the rows' logsumexps go, or stand, if known
  bool find_lse;     // they are wanted and not known
  bool look;         // rows are asked for anything else
  Shown shown;
  View<T> to;    // [batch, q_heads, q_len, kv_len], if anything is shown
  Index top;     // keys of a row that are kept as its largest
  Index group;   // query heads of a key/value head
  Index blocks;  // groups of rows of a key/value head
  Index range;   // keys of an item of mass
};

template <class T, class Kv> struct ObserveWork : ObserveWishes<T> {
  ForwardWork<T, Kv> call;  // the problem, without values and output; its stages and rotation

  Index heads() const { return call.problem.batch() * call.problem.kv_heads(); }
  Index row_items() const { return this->find_lse || this->look ? heads() * this->blocks : 0; }
  Index ranges() const { return ceil_div(call.problem.kv.longest(), this->range); }
  Index mass_items() const { return this->into.mass.data == nullptr ? 0 : heads() * ranges(); }
};

/// The kernels of one instruction set for one kind of call: rows are items of their own, and so are ranges of keys for
/// their mass, so that no sum is divided among threads.
template <class T, class Kv> struct ObserveKernel {
  Isa isa;
  Index lanes;
  Index (*scratch_bytes)(const ObserveWork<T, Kv>&);
  void (*observe_rows)(const ObserveWork<T, Kv>&, Index item, std::byte* scratch);
  void (*observe_keys)(const ObserveWork<T, Kv>&, Index item, std::byte* scratch);
};

/// Keys of an item of mass: a span, or fewer where that leaves workers without.
inline Index mass_range(Index heads, Index kv_len, Index workers) {
  Index range = contract::span;
  while (workers > 1 && range > contract::tile && heads * ceil_div(kv_len, range) < items_per_worker * workers)
    range /= 2;
  return range;
}

}  // namespace detail
RAPT_NAMESPACE_END

#include "rapt/core/fence_end.hpp"
